"""Faults of the thing itself. Registers and powers show them as they show everything."""

from abc import abstractmethod
from typing import Literal

import numpy as np
from pydantic import Field

from device_sim.faults.fault import Fault
from device_sim.loads import Load
from device_sim.moments import Days, Moments
from device_sim.noise import Noise
from metering.samples import Floats


class LoadFault(Fault):
    """Hits loads, for whole minutes."""

    loads: tuple[str, ...] = Field(min_length=1)
    """``<device>/<load>``."""

    @abstractmethod
    def changed(self, rate: Floats, load: Load, when: Moments, noise: Noise) -> Floats:
        """What the rate (kW or m³/h, at each minute of ``when``) becomes while the fault lasts."""


class BaseLoad(LoadFault):
    """Something is left on at night and at weekends, when it should be off."""

    kind: Literal["base_load"]
    kw: float

    def changed(self, rate: Floats, load: Load, when: Moments, noise: Noise) -> Floats:  # noqa: ARG002
        outside = np.maximum(when.between(20 * 60, 30 * 60), when.on(Days.WEEKEND))
        return np.asarray(rate + self.kw * outside)


class Leak(LoadFault):
    """Water or gas that flows day and night."""

    kind: Literal["leak"]
    m3_per_h: float

    def changed(self, rate: Floats, load: Load, when: Moments, noise: Noise) -> Floats:  # noqa: ARG002
        return rate + self.m3_per_h


class WeekendOperation(LoadFault):
    """At weekends and on holidays the load runs as on a working day: a timer that nobody set."""

    kind: Literal["weekend_op"]

    def changed(self, rate: Floats, load: Load, when: Moments, noise: Noise) -> Floats:
        return np.where(when.on(Days.WORK), rate, load.rate(when.as_workdays(), noise))


class PvStringLoss(LoadFault):
    """Modules of a photovoltaic string give nothing: a blown fuse, a loose connector."""

    kind: Literal["pv_string"]
    share: float = Field(default=1.0, gt=0, le=1)
    """Share of the string that is lost."""

    def changed(self, rate: Floats, load: Load, when: Moments, noise: Noise) -> Floats:  # noqa: ARG002
        return rate * (1 - self.share)
