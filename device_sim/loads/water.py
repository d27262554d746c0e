"""Water: taps in buildings, a district of the network, and the pumps that feed it."""

from typing import Literal

import numpy as np

from device_sim.loads.load import Hours, Load
from device_sim.moments import Days, Moments
from device_sim.noise import Noise
from metering.samples import Floats


class WaterUse(Load):
    """Taps, toilets and showers: many short draws while the building is used, next to none at night."""

    kind: Literal["water_use"]
    peak: float
    """m³/h on average in full use."""
    hours: Hours
    days: Days = Days.WORK
    night_flow: float = 0.0
    """m³/h that never stops: make-up water, urinal flushing, the leak everybody knows of."""

    def rate(self, when: Moments, noise: Noise) -> Floats:
        in_use = when.between(*self.hours, ramp=40) * when.on(self.days)
        outside = 0.004 * (noise.of("cleaning").uniform(when.minutes) < 0.02)
        draws = -np.log1p(-noise.of("draws").uniform(when.minutes))  # exponential: mean 1, now and then a bath
        busy_day = 0.85 + 0.3 * noise.of("day").uniform(when.day)
        return np.asarray(self.peak * (in_use * draws * busy_day + outside) + self.night_flow)


def town_demand(when: Moments) -> Floats:
    """Water demand of a town as a share of its highest hour: breakfast, evening, low at night, more in the heat."""
    weekend = when.weekday >= 5
    late = np.where(weekend, 90, 0)
    minute = when.minute_of_day - late
    morning = 0.5 * np.exp(-(((minute - 7.2 * 60) / 80) ** 2))
    evening = 0.38 * np.exp(-(((when.minute_of_day - 19.3 * 60) / 110) ** 2))
    daytime = 0.32 * when.between(6 * 60, 22 * 60, ramp=90)
    heat = 1 + 0.018 * np.maximum(when.temperature - 20, 0)
    return np.asarray((0.1 + morning + evening + daytime) * heat)


class District(Load):
    """A district metered area: what flows into a part of the network."""

    kind: Literal["district"]
    peak: float
    """m³/h in the highest hour."""
    losses: float
    """m³/h of real losses, day and night (they carry the night minimum flow)."""

    def rate(self, when: Moments, noise: Noise) -> Floats:
        scatter = 1 + 0.05 * noise.of("people").smooth(when.minutes, 6) + 0.04 * noise.of("day").normal(when.day)
        return np.maximum(self.peak * town_demand(when) * scatter, 0) + self.losses


class WaterworksPump(Load):
    """One of several equal pumps of a waterworks that take turns as the tank empties."""

    kind: Literal["waterworks_pump"]
    power: float
    """kW while it runs."""
    order: int
    """1 starts first, 2 when one is not enough, and so on."""
    pumps: int = 3

    def rate(self, when: Moments, noise: Noise) -> Floats:
        wanted = 0.9 * self.pumps * town_demand(when) - (self.order - 1)
        runs = noise.of("runs").uniform(when.minutes // 20) < wanted
        return 0.02 + self.power * runs * (1 + 0.015 * noise.of("head").smooth(when.minutes, 4))
