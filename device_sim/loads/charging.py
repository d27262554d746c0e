"""Charging points of a vehicle depot: a session an evening, and now and then one at noon."""

from typing import Literal

import numpy as np

from device_sim.loads.load import Load
from device_sim.moments import Moments
from device_sim.noise import Noise
from metering.samples import Floats, Int64s

_STANDBY_KW = 0.004
_TAPER_MIN = 25  # minutes over which the vehicle lowers the current towards full


class Charging(Load):
    """One charging point; the vehicle comes back at about ``returns`` on working days and takes what it drove."""

    kind: Literal["charging"]
    power: float
    """kW at which the vehicle charges."""
    energy: float
    """kWh it needs after an ordinary day."""
    returns: int = 16
    """Local hour at which it comes back."""

    def rate(self, when: Moments, noise: Noise) -> Floats:
        evening = self._session(when, noise, day=when.day, minute=when.minute_of_day)
        past_midnight = self._session(when, noise, day=when.day - 1, minute=when.minute_of_day + 24 * 60)
        return np.asarray(_STANDBY_KW + np.maximum(evening, past_midnight))

    def _session(self, when: Moments, noise: Noise, *, day: Int64s, minute: Int64s) -> Floats:
        weekday = (day + 3) % 7  # 1970-01-01 was a Thursday
        chance = np.where(weekday < 5, 0.92, 0.2)
        happens = noise.of("happens").uniform(day) < chance
        begin = 60 * self.returns + 100 * (noise.of("begin").uniform(day) - 0.5)
        need = self.energy * (0.5 + noise.of("need").uniform(day))
        cold = 1 + 0.012 * np.maximum(12 - when.temperature, 0)
        duration = 60 * need / self.power + _TAPER_MIN / 2
        taper = np.clip((begin + duration - minute) / _TAPER_MIN, 0, 1)
        charging = happens & (minute >= begin)
        return np.asarray(self.power * charging * taper * np.minimum(0.92 * cold, 1.0))
