"""Rooms in use: classrooms, offices, sports halls, ventilation, lifts."""

from typing import Literal

import numpy as np

from device_sim.loads.load import Hours, Load
from device_sim.moments import Days, Moments
from device_sim.noise import Noise
from metering.samples import Floats


class Occupied(Load):
    """A base load around the clock, and a peak on top while people are there."""

    kind: Literal["occupied"]
    base: float
    """kW (or m³/h) around the clock: standby, refrigerators, emergency lights."""
    peak: float
    """kW (or m³/h) on top in full use."""
    hours: Hours
    days: Days = Days.WORK
    ramp_min: int = 45
    """Minutes over which people come and go."""
    flicker: float = 0.12
    """Relative scatter of the peak from quarter-hour to quarter-hour."""

    def rate(self, when: Moments, noise: Noise) -> Floats:
        in_use = when.between(*self.hours, ramp=self.ramp_min) * when.on(self.days)
        busy_day = 0.9 + 0.2 * noise.of("day").uniform(when.day)
        midday = 1 - 0.15 * when.between(12 * 60 + 15, 13 * 60, ramp=15)
        scatter = 1 + self.flicker * noise.of("scatter").smooth(when.minutes, 17)
        standby = self.base * (1 + 0.04 * noise.of("standby").smooth(when.minutes, 90))
        return np.maximum(standby + self.peak * in_use * busy_day * midday * scatter, 0)
