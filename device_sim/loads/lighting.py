"""Light, indoors and in the streets."""

from typing import Literal

import numpy as np

from device_sim.loads.load import Hours, Load
from device_sim.moments import Days, Moments
from device_sim.noise import Noise
from device_sim.weather import sun
from metering.instant import MINUTE
from metering.samples import Floats


class Lighting(Load):
    """Rooms whose lights are dimmed or switched off as daylight comes in."""

    kind: Literal["lighting"]
    base: float
    """kW of emergency and corridor lights."""
    peak: float
    """kW with every lamp on."""
    hours: Hours
    days: Days = Days.WORK
    daylight_share: float = 0.7
    """Share of the lamps that bright daylight replaces."""

    def rate(self, when: Moments, noise: Noise) -> Floats:
        in_use = when.between(*self.hours, ramp=30) * when.on(self.days)
        daylight = 1 - np.exp(-when.irradiance / 150)
        on = in_use * (1 - self.daylight_share * daylight)
        return np.maximum(self.base + self.peak * on * (1 + 0.06 * noise.smooth(when.minutes, 11)), 0)


class StreetLighting(Load):
    """Lamps from dusk to dawn, dimmed in the small hours."""

    kind: Literal["street_lighting"]
    peak: float
    """kW with all lamps at full power."""
    dimmed: Hours
    dimmed_share: float = 0.5

    def rate(self, when: Moments, noise: Noise) -> Floats:
        dark = sun(when.minutes * MINUTE).elevation < np.radians(-2.5)
        dim = when.between(*self.dimmed)
        scatter = 1 + 0.01 * noise.smooth(when.minutes, 60)
        return np.asarray(0.15 + self.peak * dark * (1 - (1 - self.dimmed_share) * dim) * scatter)
