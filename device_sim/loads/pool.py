"""An indoor pool: pumps that never rest."""

from typing import Literal

import numpy as np

from device_sim.loads.load import Hours, Load
from device_sim.moments import Moments
from device_sim.noise import Noise
from metering.samples import Floats


class Filtration(Load):
    """Circulation and filter pumps: full speed while people bathe, reduced at night, backwash once a week."""

    kind: Literal["filtration"]
    power: float
    """kW at full speed."""
    hours: Hours
    night_share: float = 0.55
    backwash_weekday: int = 1
    """0 = Monday."""

    def rate(self, when: Moments, noise: Noise) -> Floats:
        speed = self.night_share + (1 - self.night_share) * when.between(*self.hours, ramp=10)
        backwash = 0.4 * when.between(5 * 60, 5 * 60 + 50) * (when.weekday == self.backwash_weekday)
        clogging = 1 + 0.03 * ((when.day - self.backwash_weekday) % 7) / 7
        return np.asarray(self.power * (speed + backwash) * clogging * (1 + 0.01 * noise.smooth(when.minutes, 5)))
