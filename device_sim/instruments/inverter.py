"""A photovoltaic inverter: what it feeds in, in three equal phases, and what comes from the roof."""

import numpy as np

from device_sim.flow import Flow
from device_sim.instruments.instrument import rounded
from device_sim.instruments.mains import Mains
from device_sim.noise import Noise
from device_sim.weather import Weather
from metering.instant import HOUR
from metering.samples import Floats, Int64s

_EFFICIENCY = 0.975
_SLEEPING, _MPPT = 2.0, 4.0  # SunSpec model 103, operating state
_POWER_FACTOR = 0.998


class Inverter:
    """Shows a flow given to the building."""

    def __init__(self, given: Flow, noise: Noise, mains: Mains, weather: Weather) -> None:
        self._given = given
        self._noise = noise
        self._mains = mains
        self._weather = weather

    def show(self, times_us: Int64s) -> dict[str, Floats]:
        power = self._given.rate(times_us) / 1000
        runs = power > 0
        apparent = power / _POWER_FACTOR
        dc_voltage = np.where(runs, 610 + 12 * self._noise.of("dc").smooth(times_us, HOUR), 0.0)
        dc_power = power / _EFFICIENCY
        heat_sink = self._weather.temperature(times_us) + 4 + 0.0012 * power
        shown = {
            "active_power_generation": rounded(power, 1),
            "apparent_power": rounded(apparent, 1),
            "reactive_power": rounded(apparent * np.sqrt(1 - _POWER_FACTOR**2), 1),
            "frequency": self._mains.frequency(times_us),
            "dc_power": rounded(dc_power, 1),
            "dc_voltage": rounded(dc_voltage, 1),
            "dc_current": rounded(dc_power / np.maximum(dc_voltage, 1), 2),
            "temperature": rounded(heat_sink, 1),
            "state": np.where(runs, _MPPT, _SLEEPING),
            "current": np.zeros(len(times_us)),
        }
        for phase in (1, 2, 3):
            voltage = self._mains.voltage(phase, times_us)
            shown[f"voltage_l{phase}"] = voltage
            shown[f"current_l{phase}"] = rounded(apparent / 3 / voltage, 2)
            shown["current"] = rounded(shown["current"] + shown[f"current_l{phase}"], 2)
        return shown
