"""The weather over Offenbach: pure functions of seed and instant, believable for the Rhine-Main plain, not a forecast.

Climate figures (mean 11 °C, July 20 °C, January 2 °C) after the DWD normals 1991-2020 of Frankfurt am Main.
"""

from dataclasses import dataclass

import numpy as np

from device_sim.noise import Noise
from metering.instant import DAY, HOUR, MINUTE
from metering.samples import Floats, Int64s

LATITUDE, LONGITUDE = 50.1, 8.76
_SOLAR_CONSTANT = 1361.0  # W/m²
_TROPICAL_YEAR = 365.2422  # days


@dataclass(frozen=True)
class Sun:
    """Where the sun stands: elevation and azimuth (from south, west positive), radians; arrays of equal length."""

    elevation: Floats
    azimuth: Floats


def sun(times_us: Int64s) -> Sun:
    """Position of the sun, to about half a degree (Spencer 1971: declination and equation of time)."""
    angle = 2 * np.pi * (times_us / DAY % _TROPICAL_YEAR) / _TROPICAL_YEAR
    declination = (
        0.006918
        - 0.399912 * np.cos(angle)
        + 0.070257 * np.sin(angle)
        - 0.006758 * np.cos(2 * angle)
        + 0.000907 * np.sin(2 * angle)
    )
    equation_of_time_min = 229.18 * (
        0.000075
        + 0.001868 * np.cos(angle)
        - 0.032077 * np.sin(angle)
        - 0.014615 * np.cos(2 * angle)
        - 0.040849 * np.sin(2 * angle)
    )
    solar_minutes = (times_us % DAY) / MINUTE + equation_of_time_min + 4 * LONGITUDE
    hour_angle = np.radians(solar_minutes / 4 - 180)
    latitude = np.radians(LATITUDE)
    elevation = np.arcsin(
        np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(hour_angle)
    )
    azimuth = np.arctan2(
        np.sin(hour_angle), np.cos(hour_angle) * np.sin(latitude) - np.tan(declination) * np.cos(latitude)
    )
    return Sun(elevation, azimuth)


@dataclass(frozen=True)
class Weather:
    """The weather of the town of ``seed``. All methods take instants in any order and return arrays of equal length."""

    seed: int

    def temperature(self, times_us: Int64s) -> Floats:
        """Outdoor air temperature, °C: the year, the day (larger under a clear sky), and spells of some days."""
        year = 2 * np.pi * ((times_us / DAY - 20) % _TROPICAL_YEAR) / _TROPICAL_YEAR  # coldest about January 20
        solar_day = 2 * np.pi * ((times_us + 4 * LONGITUDE * MINUTE - 15 * HOUR) % DAY) / DAY  # warmest at 15 h
        swing = (3.6 - 2.0 * np.cos(year)) * (1.15 - 0.75 * self.clouds(times_us))
        spells = (
            2.6 * self._noise("air").smooth(times_us, 9 * DAY)
            + 2.2 * self._noise("front").smooth(times_us, 3 * DAY)
            + 0.5 * self._noise("breeze").smooth(times_us, 3 * HOUR)
        )
        return np.asarray(10.9 - 9.2 * np.cos(year) + swing * np.cos(solar_day) + spells)

    def clouds(self, times_us: Int64s) -> Floats:
        """Share of the sky that is covered, 0..1."""
        return self._covered(times_us, gusts=False)

    def irradiance(self, times_us: Int64s) -> Floats:
        """Global irradiance on the level, W/m².

        Clear sky after Haurwitz (1945), cover after Kasten & Czeplak (1980), with the flicker of passing clouds.
        """
        height = np.sin(sun(times_us).elevation)
        up = height > 0.01
        clear = np.zeros(len(times_us))
        clear[up] = 1098.0 * height[up] * np.exp(-0.057 / height[up])
        return clear * (1 - 0.75 * self._covered(times_us, gusts=True) ** 3.4)

    def tilted_irradiance(self, times_us: Int64s, tilt_deg: float, azimuth_deg: float) -> Floats:
        """Irradiance on a plane tilted by ``tilt_deg`` that faces ``azimuth_deg`` (0 south, 90 west), W/m².

        Direct and diffuse parts after Erbs et al. (1982), diffuse light the same from all of the sky (Liu & Jordan).
        """
        level = self.irradiance(times_us)
        position = sun(times_us)
        height = np.maximum(np.sin(position.elevation), 0.035)  # near the horizon the ratio below would run away
        clearness = np.clip(level / (_SOLAR_CONSTANT * height), 0, 1)
        diffuse_share = np.where(
            clearness <= 0.22,
            1 - 0.09 * clearness,
            0.9511 - 0.1604 * clearness + 4.388 * clearness**2 - 16.638 * clearness**3 + 12.336 * clearness**4,
        )
        diffuse_share = np.where(clearness > 0.8, 0.165, diffuse_share)
        tilt = np.radians(tilt_deg)
        facing = np.cos(position.elevation) * np.sin(tilt) * np.cos(position.azimuth - np.radians(azimuth_deg))
        incidence = np.maximum(facing + np.sin(position.elevation) * np.cos(tilt), 0)
        diffuse = level * diffuse_share
        return np.asarray((level - diffuse) * incidence / height + diffuse * (1 + np.cos(tilt)) / 2)

    def humidity(self, times_us: Int64s) -> Floats:
        """Relative humidity, %: damp at night and under cloud."""
        solar_day = 2 * np.pi * ((times_us + 4 * LONGITUDE * MINUTE - 15 * HOUR) % DAY) / DAY
        value = 74 - 11 * np.cos(solar_day) + 16 * (self.clouds(times_us) - 0.6)
        return np.clip(value + 6 * self._noise("humidity").smooth(times_us, DAY), 20, 100)

    def pressure(self, times_us: Int64s) -> Floats:
        """Air pressure at 100 m above the sea, hPa."""
        return 1004.0 + 8.5 * self._noise("pressure").smooth(times_us, 4 * DAY)

    def _covered(self, times_us: Int64s, *, gusts: bool) -> Floats:
        winter = np.cos(2 * np.pi * ((times_us / DAY) % _TROPICAL_YEAR) / _TROPICAL_YEAR)
        sky = 1.0 + 0.45 * winter + 1.1 * self._noise("sky").smooth(times_us, 2.5 * DAY)
        sky = sky + 0.9 * self._noise("clouds").smooth(times_us, 5 * HOUR)
        if gusts:
            sky = sky + 0.6 * self._noise("gusts").smooth(times_us, 9 * MINUTE)
        return np.asarray(1 / (1 + np.exp(-1.7 * sky)))

    def _noise(self, name: str) -> Noise:
        return Noise(self.seed, f"weather/{name}")
