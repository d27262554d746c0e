"""A canteen kitchen: cooking before noon, dishwashers after it, refrigeration always."""

from typing import Literal

import numpy as np

from device_sim.loads.load import Hours, Load
from device_sim.moments import Days, Moments
from device_sim.noise import Noise
from metering.samples import Floats

_APPLIANCES = 6
_THERMOSTAT_MIN = 6  # minutes for which a hot plate or an oven heats or rests
_COMPRESSOR_MIN = 24  # minutes of one cycle of a cold store


class Kitchen(Load):
    """Appliances that heat in turns, and cold stores whose compressors cycle."""

    kind: Literal["kitchen"]
    cold_stores: float
    """kW of the compressors while they run."""
    peak: float
    """kW of all cooking appliances together."""
    hours: Hours
    """When there is cooking; the dishes follow for an hour and a half."""
    days: Days = Days.SCHOOL

    def rate(self, when: Moments, noise: Noise) -> Floats:
        opens, closes = self.hours
        on = when.on(self.days)
        cooking = when.between(opens, closes, ramp=20) * on
        dishes = when.between(closes, closes + 90, ramp=10) * on
        heating = np.zeros(len(when.minutes))
        for appliance in range(_APPLIANCES):
            slot = (when.minutes + 5 * appliance) // _THERMOSTAT_MIN
            heating += noise.of(f"appliance {appliance}").uniform(slot) < 0.75 * cooking
        rinsing = 0.35 * dishes * (noise.of("dishes").uniform(when.minutes // 4) < 0.6)
        phase = (when.minutes % _COMPRESSOR_MIN) / _COMPRESSOR_MIN
        duty = np.clip(0.38 + 0.008 * (when.temperature - 10), 0.2, 0.9)
        return self.cold_stores * (phase < duty) + self.peak * (heating / _APPLIANCES + rinsing) + 0.08
