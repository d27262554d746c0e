"""Sensors in the air: rooms, and the weather station."""

import numpy as np

from device_sim.instruments.instrument import rounded
from device_sim.loads.heating import damped_temperature
from device_sim.loads.load import Hours
from device_sim.moments import Days, Moments
from device_sim.noise import Noise
from device_sim.weather import Weather
from metering.instant import HOUR, MINUTE
from metering.samples import Floats, Int64s
from metering.strict import Strict


class Room(Strict):
    """What decides the climate of a room."""

    hours: Hours
    days: Days = Days.WORK
    comfort: float = 20.5
    """°C while in use."""
    set_back: float = 17.0
    """°C while not."""
    people_co2: float = 600.0
    """ppm that the people in it add at most."""
    moisture: float = 42.0
    """Relative humidity in %, on average."""


class Climate:
    """A battery-powered sensor for temperature, humidity and CO2."""

    def __init__(self, room: Room, noise: Noise, weather: Weather, start_us: int) -> None:
        self._room = room
        self._noise = noise
        self._weather = weather
        self._start_us = start_us

    def show(self, times_us: Int64s) -> dict[str, Floats]:
        room, noise = self._room, self._noise
        when = Moments.of(times_us // MINUTE, self._weather)
        opens, closes = room.hours
        open_day = when.on(room.days)
        warm = when.between(opens - 60, closes, ramp=150) * open_day
        people = when.between(opens, closes, ramp=70) * open_day
        heated = room.set_back + (room.comfort - room.set_back) * warm
        summer = 0.75 * damped_temperature(when) + 7.5  # the walls follow the days outside
        temperature = np.maximum(heated, summer) + 0.6 * people + 0.0018 * when.irradiance
        busy = 0.75 + 0.25 * noise.of("people").smooth(when.minutes, 45)
        battery = 100 - 22 * (times_us - self._start_us) / (365.25 * 24 * HOUR)
        return {
            "temperature": rounded(temperature + 0.15 * noise.smooth(times_us, 30 * MINUTE), 2),
            "humidity": rounded(
                np.clip(room.moisture + 4 * people + 5 * noise.of("moisture").smooth(times_us, 6 * HOUR), 15, 95), 1
            ),
            "co2": rounded(430 + room.people_co2 * people * busy + 8 * noise.of("co2").smooth(times_us, 9 * MINUTE), 0),
            "battery": rounded(np.clip(battery, 5, 100), 0),
        }


class WeatherStation:
    """Shows the weather itself."""

    def __init__(self, weather: Weather) -> None:
        self._weather = weather

    def show(self, times_us: Int64s) -> dict[str, Floats]:
        times_us = times_us - times_us % MINUTE
        return {
            "outdoor_temperature": rounded(self._weather.temperature(times_us), 1),
            "humidity": rounded(self._weather.humidity(times_us), 0),
            "pressure": rounded(self._weather.pressure(times_us), 1),
            "irradiance": rounded(self._weather.irradiance(times_us), 0),
        }
