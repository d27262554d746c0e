"""What a meter's intervals come from: the readings of its register, or the intervals of other meters."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from analytics.energy.consumption import consumption
from analytics.energy.course import Bools
from analytics.energy.intervals import MICRO, Intervals, micro
from metering.estate import Counter
from metering.instant import Window
from metering.quality import Quality
from metering.samples import Int64s, Samples


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """A register; the fields are the arguments of `analytics.energy.consumption.consumption`."""

    samples: Samples
    counter: Counter
    near_us: int
    substitute: bool

    def extent(self) -> Window | None:
        """From the first to the last reading; None if there is none."""
        times = self.samples.times_us
        return Window(int(times[0]), int(times[-1])) if len(times) else None

    def intervals(self, window: Window, step_us: int) -> Intervals:
        return consumption(
            self.samples,
            window,
            step_us,
            near_us=self.near_us,
            counter=self.counter,
            substitute=self.substitute,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Computed:
    """A virtual meter: intervals of other meters with their factors, all over the same window."""

    parts: tuple[tuple[Fraction, Intervals], ...]

    def extent(self) -> Window | None:
        """While something is known of each part; None if that is never."""
        begins, ends = [], []
        for _, part in self.parts:
            known = np.flatnonzero(part.completeness > 0)
            if not len(known):
                return None
            begins.append(int(part.start_us[known[0]]))
            ends.append(int(part.start_us[known[-1]]) + part.step_us)
        return Window(max(begins), min(ends)) if max(begins) < min(ends) else None

    def intervals(self, window: Window, step_us: int) -> Intervals:
        """The weighted sum. Raises ValueError if a part has intervals of another length.

        It is as complete as its least complete part and as good as its worst; what is unknown of one part is unknown
        of the sum. Whole factors keep it exact; others round each interval to the nearest millionth. What is bridged
        makes the sum what it would be of parts whose gaps are filled.
        """
        parts = [(factor, part.within(window)) for factor, part in self.parts]
        if any(part.step_us != step_us for _, part in parts):
            raise ValueError(f"the parts of a virtual meter must have intervals of {step_us} µs")
        known, total = _weighted(parts)
        all_known, whole = _weighted([(factor, part.filled()) for factor, part in parts])
        gap = all_known & np.any([np.isfinite(part.bridged) for _, part in parts], axis=0)
        return Intervals(
            parts[0][1].start_us,
            step_us,
            np.where(known, total / MICRO, np.nan),
            np.where(known, np.min([part.completeness for _, part in parts], axis=0), 0.0),
            np.where(known, np.max([part.qualities for _, part in parts], axis=0), Quality.SUSPECT).astype(np.int8),
            np.where(gap, (whole - np.where(known, total, 0)) / MICRO, np.nan),
        )


def _weighted(parts: Sequence[tuple[Fraction, Intervals]]) -> tuple[Bools, Int64s]:
    """Where all parts are known, and the weighted sum of what is known, in millionths."""
    total = np.zeros(len(parts[0][1]), np.int64)
    for factor, part in parts:
        amounts = micro(part.consumption)
        exact = factor.denominator == 1
        total += amounts * factor.numerator if exact else np.rint(amounts * float(factor)).astype(np.int64)
    return np.all([np.isfinite(part.consumption) for _, part in parts], axis=0), total


Source = Measured | Computed
