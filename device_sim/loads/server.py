"""A server room: the same day and night, with cooling that follows the weather."""

from typing import Literal

import numpy as np

from device_sim.loads.load import Load
from device_sim.moments import Days, Moments
from device_sim.noise import Noise
from metering.samples import Floats


class Server(Load):
    """IT equipment and its air conditioning."""

    kind: Literal["server"]
    power: float
    """kW of the equipment, on average."""

    def rate(self, when: Moments, noise: Noise) -> Floats:
        busy = 0.06 * when.between(8 * 60, 17 * 60, ramp=60) * when.on(Days.WORK)
        nightly_backup = 0.04 * when.between(1 * 60, 3 * 60, ramp=5)
        equipment = self.power * (1 + busy + nightly_backup + 0.015 * noise.smooth(when.minutes, 7))
        cooling_share = np.clip(0.12 + 0.012 * (when.temperature - 8), 0.12, 0.45)
        return np.asarray(equipment * (1 + cooling_share))
