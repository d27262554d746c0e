"""Rules on an interval series: faults that need no expectation, only what the meter has never done before.

All vectorised and causal. Limits are learned from the history, so that a meter that often stands at zero may do so.
"""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np

from analytics.anomaly.evidence import run_lengths
from analytics.anomaly.week import Bools
from metering.instant import HOUR
from metering.samples import Floats, Int64s

_LEAST_STUCK_US = 3 * HOUR


@dataclass(frozen=True, slots=True)
class StuckLimits:
    """How many equal values in a row are still usual: at zero, in the lower and in the upper half of the values."""

    median: float
    zero: float
    lower: float
    upper: float

    @classmethod
    def fit(cls, values: Floats, step_us: int, caution: float = 1.0) -> Self:
        """Learn from past intervals (NaN = leave out); ``caution`` >= 1 widens what was learned from little.

        The longest run counts at zero and at low consumption, where long ones are usual (nights, summers), and the
        second longest among high values, so that one stuck period in the history does no harm.
        """
        known = values[np.isfinite(values)]
        if not len(known):
            return cls(0.0, math.inf, math.inf, math.inf)
        runs = stuck_runs(values)
        ends = np.concatenate((runs[1:] == 1, np.ones(1, bool)))
        median = float(np.median(known))

        def usual(where: Bools, rank: int) -> float:
            found = np.sort(runs[ends & where])[::-1]
            longest = int(found[min(rank, len(found) - 1)]) if len(found) else 0
            return max(_LEAST_STUCK_US / step_us, longest + 1.0) * caution

        lower = (values != 0) & (values <= median)
        return cls(median, usual(values == 0, 0), usual(lower, 0), usual(values > median, 1))

    def limits(self, values: Floats) -> Floats:
        """The limit that applies to each value."""
        return np.where(values == 0, self.zero, np.where(values <= self.median, self.lower, self.upper))


def stuck(values: Floats, limits: StuckLimits) -> Floats:
    """How many times longer than usual the value has not changed."""
    return np.where(np.isfinite(values), stuck_runs(values) / limits.limits(values), 0.0)


def stuck_runs(values: Floats) -> Int64s:
    """How many intervals in a row, up to and with each, have the same value."""
    return run_lengths(np.concatenate((np.zeros(1, bool), values[1:] == values[:-1])) if len(values) else values > 0)


def gap(values: Floats, step_us: int) -> Floats:
    """For how many hours, up to and with each interval, nothing has been measured."""
    missing = ~np.isfinite(values)
    if not len(values):
        return np.zeros(0)
    before = np.concatenate((np.zeros(1, bool), missing[:-1]))
    return np.where(missing, run_lengths(missing & before) * (step_us / HOUR), 0.0)


def negative(values: Floats) -> Floats:
    """1 where consumption is negative, which a register that only counts up cannot show."""
    return (np.nan_to_num(values) < 0).astype(np.float64)
