"""Readings condensed: one row for each quarter-hour or local day, with all that an aggregate asks for.

Of two versions of a bucket, the one made of more readings stands, and of equals the finer one. So nothing is ever
added to a row: late readings make the bucket anew or leave it as it is, and none counts twice.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Self

import numpy as np
from numpy.typing import NDArray

from metering.quality import Quality
from metering.quantities import QUANTITIES, Kind
from metering.samples import Floats, Int64s, Qualities, Samples

Keys = Callable[[Int64s], Int64s]
"""From times to the times of the buckets they belong to; both µs, ascending together."""


class Level(StrEnum):
    """How coarse a row is."""

    QUARTER_HOUR = "15m"  # at the start of the quarter-hour
    DAY = "1d"  # at noon of the local day, which is the same date in UTC


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Buckets of one series in ascending time; every array has the shape (n,).

    times_us            see `Level`
    count, trusted      int64: how many readings, and how many of them are not suspect
    total, low, high    sum, least and greatest of the trusted values; NaN if there are none
    first, last         the first and last trusted value, NaN if there are none
    first_us, last_us   when they were read; ``times_us`` if there are none
    qualities           int8, the highest code
    """

    times_us: Int64s
    count: Int64s
    trusted: Int64s
    total: Floats
    low: Floats
    high: Floats
    first: Floats
    first_us: Int64s
    last: Floats
    last_us: Int64s
    qualities: Qualities

    def __len__(self) -> int:
        return len(self.times_us)

    @classmethod
    def of(cls, samples: Samples) -> Self:
        """Each sample as a row of its own."""
        trusted = samples.qualities != Quality.SUSPECT
        value, times = np.where(trusted, samples.values, np.nan), samples.times_us
        one = np.ones(len(samples), np.int64)
        of = (times, one, trusted.astype(np.int64), value, value, value, value, times, value, times, samples.qualities)
        return cls(*of)

    @classmethod
    def none(cls) -> Self:
        return cls.of(Samples.empty())

    def where(self, keep: NDArray[np.bool_] | NDArray[np.intp]) -> Self:
        return type(self)(*(getattr(self, field.name)[keep] for field in fields(self)))

    def with_(self, other: Self) -> Self:
        """These rows and the others, in time."""
        both = type(self)(*(np.concatenate((getattr(self, f.name), getattr(other, f.name))) for f in fields(self)))
        return both.where(np.argsort(both.times_us, kind="stable"))

    def condensed(self, keys: Int64s) -> Self:
        """One row for each bucket; ``keys`` are the buckets of these rows, ascending."""
        if not len(self):
            return self
        times, at = np.unique(keys, return_index=True)
        ends = np.append(at[1:], len(self)) - 1
        good = self.trusted > 0
        positions = np.arange(len(self))
        first = np.minimum.reduceat(np.where(good, positions, len(self)), at)
        last = np.maximum.reduceat(np.where(good, positions, -1), at)
        any_ = last >= 0
        first, last = np.where(any_, first, at), np.where(any_, last, ends)
        total = np.add.reduceat(np.nan_to_num(self.total), at)
        return type(self)(
            times,
            np.add.reduceat(self.count, at),
            np.add.reduceat(self.trusted, at),
            np.where(any_, total, np.nan),
            np.fmin.reduceat(self.low, at),
            np.fmax.reduceat(self.high, at),
            self.first[first],
            np.where(any_, self.first_us[first], times),
            self.last[last],
            np.where(any_, self.last_us[last], times),
            np.maximum.reduceat(self.qualities, at),
        )

    def over(self, coarse: Self, keys: Keys) -> Self:
        """These rows, and the coarse ones where those are made of more readings than the rows here in their bucket."""
        if not len(coarse):
            return self
        mine = keys(self.times_us)
        counts = self.condensed(mine)
        here = _looked_up(counts.times_us, counts.count, coarse.times_us)
        shown = coarse.where(coarse.count > here)
        return self.where(~np.isin(mine, shown.times_us)).with_(shown)

    def samples(self, quantity: str) -> Samples:
        """One sample for each row with a trusted value: what the kind of quantity lets a row say.

        Registers and states: the first reading, at its own time. Gauges and shares: the mean. Amounts of intervals: the
        sum.
        """
        rows = self.where(self.trusted > 0)
        known = QUANTITIES.get(quantity)
        kind = known.kind if known else Kind.GAUGE
        if kind in (Kind.REGISTER, Kind.STATE):
            return Samples.of(rows.first_us, rows.first, rows.qualities)
        if kind is Kind.INTERVAL and known is not None and known.unit != "1":
            return Samples.of(rows.times_us, rows.total, rows.qualities)
        return Samples.of(rows.times_us, rows.total / rows.trusted, rows.qualities)


def same(one: Rows, other: Rows) -> bool:
    """Whether two sets of rows are alike to the last digit."""
    return all(
        np.array_equal(getattr(one, field.name), getattr(other, field.name), equal_nan=field.name in _FLOATS)
        for field in fields(Rows)
    )


_FLOATS = frozenset(("total", "low", "high", "first", "last"))


def _looked_up(times_us: Int64s, counts: Int64s, wanted: Int64s) -> Int64s:
    """The count at each wanted time, 0 where there is none."""
    if not len(times_us):
        return np.zeros(len(wanted), np.int64)
    at = np.minimum(np.searchsorted(times_us, wanted), len(times_us) - 1)
    return np.where(times_us[at] == wanted, counts[at], 0)
