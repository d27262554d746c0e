"""Meters in pipes: heat, water, gas."""

import numpy as np

from device_sim.flow import Flow
from device_sim.instruments.instrument import rounded
from device_sim.loads.heating import HEATING_LIMIT
from device_sim.noise import Noise
from device_sim.weather import Weather
from metering.instant import HOUR, MINUTE
from metering.samples import Floats, Int64s

_WATER_KWH = 1.15  # kWh for each m³ and kelvin, at 60 °C


class Heat:
    """A heat meter: P = 1.15 kWh/(m³·K) · flow · (flow − return temperature), along a heating curve."""

    def __init__(self, taken: Flow, noise: Noise, weather: Weather) -> None:
        self._taken = taken
        self._noise = noise
        self._weather = weather

    def show(self, times_us: Int64s) -> dict[str, Floats]:
        watts = self._taken.rate(times_us) / 1000
        outdoor = self._weather.temperature(times_us - times_us % MINUTE)
        curve = np.clip(48 + 1.1 * (HEATING_LIMIT - outdoor), 50, 82)
        supply = curve + 0.6 * self._noise.of("supply").smooth(times_us, 20 * MINUTE)
        spread = 17 + 3 * self._noise.of("spread").smooth(times_us, HOUR)
        spread = np.maximum(spread, 5)
        return {
            "heat_power": rounded(watts, 0),
            "flow_temperature": rounded(supply, 1),
            "return_temperature": rounded(supply - spread, 1),
            "volume_flow": rounded(watts / 1000 / (_WATER_KWH * spread), 3),
        }


class Volume:
    """A water or gas meter with a sensor that runs on a battery."""

    def __init__(self, taken: Flow, start_us: int) -> None:
        self._taken = taken
        self._start_us = start_us

    def show(self, times_us: Int64s) -> dict[str, Floats]:
        years = (times_us - self._start_us) / (365.25 * 24 * HOUR)
        return {
            "volume_flow": rounded(self._taken.rate(times_us) / 1e6, 3),
            "battery_voltage": rounded(3.65 - 0.02 * np.clip(years, 0, 10), 2),
        }
