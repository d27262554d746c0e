"""The recent results of meters in memory: an update then reads from the store only what is new."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from analytics.energy.intervals import Intervals
from metering.instant import Window
from metering.quality import Quality
from metering.samples import Floats, Qualities

_MEGABYTE = 1 << 20


@dataclass(frozen=True, slots=True, eq=False)
class _Tail:
    """Consecutive results; what is the same all along is not kept: wholly measured, no gap."""

    start_us: int
    consumption: Floats
    completeness: Floats | None
    qualities: Qualities | None
    bridged: Floats | None

    @classmethod
    def of(cls, intervals: Intervals) -> Self:
        completeness, qualities = intervals.completeness, intervals.qualities
        return cls(
            int(intervals.start_us[0]),
            intervals.consumption.copy(),
            None if (completeness == 1).all() else completeness.copy(),
            None if (qualities == Quality.MEASURED).all() else qualities.copy(),
            None if np.isnan(intervals.bridged).all() else intervals.bridged.copy(),
        )

    def intervals(self, window: Window, step_us: int) -> Intervals:
        """The window, which may end later than what is known."""
        begin = (window.start_us - self.start_us) // step_us
        count = (window.end_us - window.start_us) // step_us
        known = min(len(self.consumption) - begin, count)
        rest = count - known
        part = slice(begin, begin + known)
        completeness = np.ones(known) if self.completeness is None else self.completeness[part]
        qualities = np.full(known, Quality.MEASURED, np.int8) if self.qualities is None else self.qualities[part]
        bridged = np.full(known, np.nan) if self.bridged is None else self.bridged[part]
        return Intervals(
            np.arange(window.start_us, window.end_us, step_us, dtype=np.int64),
            step_us,
            np.concatenate((self.consumption[part], np.full(rest, np.nan))),
            np.concatenate((completeness, np.zeros(rest))),
            np.concatenate((qualities, np.full(rest, Quality.SUSPECT, np.int8))),
            np.concatenate((bridged, np.full(rest, np.nan))),
        )

    @property
    def size(self) -> int:
        arrays = (self.consumption, self.completeness, self.qualities, self.bridged)
        return sum(array.nbytes for array in arrays if array is not None)


class Tails:
    """Results by meter, in intervals of ``step_us``; once ``limit_mb`` are kept, no further meters are."""

    def __init__(self, step_us: int, limit_mb: int) -> None:
        self._step_us = step_us
        self._limit = limit_mb * _MEGABYTE
        self._tails: dict[str, _Tail] = {}
        self._size = 0

    def find(self, meter: str, window: Window) -> Intervals | None:
        """The results of a window that ends with the newest of them or later; None if not all of it is kept."""
        tail = self._tails.get(meter)
        if tail is None or tail.start_us > window.start_us:
            return None
        if tail.start_us + len(tail.consumption) * self._step_us <= window.start_us:
            return None
        return tail.intervals(window, self._step_us)

    def keep(self, meter: str, intervals: Intervals) -> None:
        """Remember results read from the store; they take the place of what was kept."""
        self.forget(meter)
        if not len(intervals):
            return
        tail = _Tail.of(intervals)
        if self._size + tail.size <= self._limit:
            self._tails[meter] = tail
            self._size += tail.size

    def replace(self, meter: str, intervals: Intervals) -> None:
        """New results, of the same stretch or a later one; the tail keeps its length."""
        tail = self._tails.get(meter)
        if tail is None:
            return
        begin, end = int(intervals.start_us[0]), int(intervals.start_us[-1]) + self._step_us
        known_until = tail.start_us + len(tail.consumption) * self._step_us
        if begin < tail.start_us or begin > known_until or end < known_until:
            self.forget(meter)
            return
        first = tail.start_us + max(end - known_until, 0)
        earlier = tail.intervals(Window(min(first, begin), begin), self._step_us)
        self.keep(meter, earlier.followed_by(intervals))

    def forget(self, meter: str) -> None:
        """Have the meter's results read from the store next time."""
        gone = self._tails.pop(meter, None)
        if gone is not None:
            self._size -= gone.size
