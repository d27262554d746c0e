"""Faults of measuring: the meter counts what it wrongly measures, so power and register agree with each other."""

from typing import Literal

import numpy as np
from pydantic import Field

from device_sim.faults.fault import Fault
from metering.instant import MINUTE, Window
from metering.samples import Floats, Int64s


class MeteringFault(Fault):
    """Hits meters of the town, for whole minutes."""

    devices: tuple[str, ...] = Field(min_length=1)

    def gain(self, minutes: Int64s, window: Window) -> Floats:  # noqa: ARG002
        """Measured over true power in the minutes (since the epoch), all of which lie in the window."""
        return np.ones(len(minutes))


class PhaseLoss(MeteringFault):
    """One of three phases is no longer measured: a blown fuse in the voltage path, a current clamp fallen off.

    Which part of the power that is, only the meter knows: `device_sim.instruments.electricity.Phases`.
    """

    kind: Literal["phase_loss"]
    phase: Literal[1, 2, 3] = 3


class Drift(MeteringFault):
    """The gain runs away steadily until it is ``reaches`` after ``days``, and stays there until the fault ends."""

    kind: Literal["drift"]
    reaches: float = Field(gt=0)
    days: float = Field(default=14.0, gt=0)

    def gain(self, minutes: Int64s, window: Window) -> Floats:
        gone = (minutes - window.start_us // MINUTE) / (self.days * 24 * 60)
        return np.asarray(1 + (self.reaches - 1) * np.minimum(gone, 1))
