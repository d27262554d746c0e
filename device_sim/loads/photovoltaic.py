"""Photovoltaic strings: a negative load."""

from typing import Literal

import numpy as np

from device_sim.loads.load import Load
from device_sim.moments import Moments
from device_sim.noise import Noise
from metering.instant import MINUTE
from metering.samples import Floats

_HEATING_BY_SUN = 0.029  # K of module temperature for each W/m² (NOCT 43 °C)
_PER_KELVIN = -0.0036  # relative power of crystalline silicon for each K over 25 °C


class Photovoltaic(Load):
    """One string of modules at an inverter; its rate is negative: it generates."""

    kind: Literal["photovoltaic"]
    peak: float
    """kWp, power under standard test conditions."""
    tilt: float = 15.0
    """Degrees from the level."""
    azimuth: float = 0.0
    """Degrees from south, west positive."""
    efficiency: float = 0.9
    """Of inverter, cables and dirty glass."""

    def rate(self, when: Moments, noise: Noise) -> Floats:
        irradiance = when.weather.tilted_irradiance(when.minutes * MINUTE, self.tilt, self.azimuth)
        warmer = when.temperature + _HEATING_BY_SUN * irradiance - 25
        power = self.peak * irradiance / 1000 * (1 + _PER_KELVIN * warmer) * self.efficiency
        awake = irradiance > 12  # W/m²: below it the inverter sleeps
        return np.asarray(-np.maximum(power, 0) * awake * (1 + 0.004 * noise.smooth(when.minutes, 6)))
