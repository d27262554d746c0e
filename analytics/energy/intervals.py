"""Consumption in equal intervals, with what is known about how well it was measured."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from metering.instant import Window
from metering.quality import Quality
from metering.samples import Floats, Int64s, Qualities

MICRO = 1_000_000
"""Consumption is counted in millionths of a billing unit (1 mWh, 1 ml), as integers, so that sums are exact."""


@dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """Consumption of one meter in consecutive half-open intervals.

    start_us      shape (n,), int64, begin of each interval, µs since the Unix epoch, UTC
    step_us       length of every interval, µs
    consumption   shape (n,), float64, billing unit of the carrier (kWh or m³); NaN where nothing is known
    completeness  shape (n,), float64, 0..1, the share of the interval that lies between near readings
    qualities     shape (n,), int8, `metering.quality.Quality`: MEASURED; SUBSTITUTED where energy known only as the
                  total of a longer gap was spread evenly over it; SUSPECT where nothing is known
    bridged       shape (n,), float64, billing unit: what falls into the interval if the total of a longer gap is spread
                  evenly over it, beside ``consumption`` and not in it; NaN where no gap is
    """

    start_us: Int64s
    step_us: int
    consumption: Floats
    completeness: Floats
    qualities: Qualities
    bridged: Floats

    @classmethod
    def of(
        cls,
        start_us: Int64s,
        step_us: int,
        consumption: Floats,
        completeness: Floats | None = None,
        qualities: Qualities | None = None,
    ) -> Self:
        """Build from arrays of equal length; by default what is not NaN counts as wholly measured."""
        values = np.asarray(consumption, np.float64)
        known = np.isfinite(values)
        if completeness is None:
            completeness = known.astype(np.float64)
        if qualities is None:
            qualities = np.where(known, Quality.MEASURED, Quality.SUSPECT).astype(np.int8)
        nowhere = np.full(len(values), np.nan)
        return cls(np.asarray(start_us, np.int64), step_us, values, completeness, qualities, nowhere)

    def __len__(self) -> int:
        return len(self.start_us)

    @property
    def total(self) -> float:
        """The sum of what is known, exact to the millionth of a billing unit."""
        return exact_sum(self.consumption)

    def within(self, window: Window) -> Self:
        """The intervals that begin in the window."""
        low, high = np.searchsorted(self.start_us, (window.start_us, window.end_us))
        part = slice(int(low), int(high))
        return type(self)(
            self.start_us[part],
            self.step_us,
            self.consumption[part],
            self.completeness[part],
            self.qualities[part],
            self.bridged[part],
        )

    def filled(self) -> Self:
        """With what is bridged in ``consumption``, as substitute values: what sums over longer times are made of."""
        gap = np.isfinite(self.bridged)
        if not gap.any():
            return self
        return replace(
            self,
            consumption=np.where(gap, (micro(self.consumption) + micro(self.bridged)) / MICRO, self.consumption),
            qualities=np.where(gap, Quality.SUBSTITUTED, self.qualities).astype(np.int8),
            bridged=np.full(len(self), np.nan),
        )

    def followed_by(self, later: Self) -> Self:
        """These and the later ones, which begin where these end."""
        return replace(
            later,
            start_us=np.concatenate((self.start_us, later.start_us)),
            consumption=np.concatenate((self.consumption, later.consumption)),
            completeness=np.concatenate((self.completeness, later.completeness)),
            qualities=np.concatenate((self.qualities, later.qualities)),
            bridged=np.concatenate((self.bridged, later.bridged)),
        )

    def measured(self, at_least: float = 1.0) -> Floats:
        """Consumption where the completeness is ``at_least`` that, NaN elsewhere."""
        return np.where(self.completeness >= at_least, self.consumption, np.nan)


def micro(values: Floats) -> Int64s:
    """Values in billing units as integer millionths, the nearest ones. NaN counts as zero."""
    return np.rint(np.nan_to_num(values) * MICRO).astype(np.int64)


def exact_sum(values: Floats) -> float:
    """Sum without rounding on the way: any split of the values has parts that add up to it. NaN counts as zero."""
    return int(micro(values).sum()) / MICRO
