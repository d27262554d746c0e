"""The load curve (Lastgang) of a meter: what detectors learn from and judge."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from analytics.energy.intervals import Intervals
from metering.instant import DAY
from metering.samples import Floats, Int64s

MEASURED_SHARE = 0.5
"""An interval of which less was measured counts as missing."""


@dataclass(frozen=True, slots=True, eq=False)
class LoadCurve:
    """Consumption in consecutive intervals, without holes.

    start_us     shape (n,), int64, begin of each interval, µs since the Unix epoch, UTC
    step_us      length of every interval, µs
    values       shape (n,), float64, consumption in the billing unit, NaN where missing
    temperature  shape (n,), float64, outdoor temperature in °C, NaN where unknown; or None
    """

    start_us: Int64s
    step_us: int
    values: Floats
    temperature: Floats | None = None

    @classmethod
    def of(cls, intervals: Intervals, temperature: Floats | None = None) -> Self:
        """The measured part of the intervals; what was only partly measured is scaled to the whole interval."""
        share = np.maximum(intervals.completeness, MEASURED_SHARE)
        values = intervals.measured(MEASURED_SHARE) / share
        return cls(intervals.start_us, intervals.step_us, values, temperature)

    def __len__(self) -> int:
        return len(self.start_us)

    @property
    def days(self) -> float:
        return len(self) * self.step_us / DAY

    def part(self, begin: int, end: int) -> Self:
        """The intervals with positions ``begin`` to before ``end``."""
        cut = slice(max(begin, 0), end)
        temperature = None if self.temperature is None else self.temperature[cut]
        return type(self)(self.start_us[cut], self.step_us, self.values[cut], temperature)

    def with_values(self, values: Floats) -> Self:
        return replace(self, values=values)
