"""Rates that are constant within each minute, and their exact integrals.

A rate is a whole number of millionths of the billing unit per hour: milliwatts, or millilitres per hour. An amount is
a whole number of rate times minutes. Whole numbers add up without error, so parts sum to the whole to the last digit.

Minutes are computed in blocks of a week, which are pure functions of the block's number and may be forgotten.
"""

from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import lru_cache

import numpy as np

from metering.instant import MINUTE, Window
from metering.samples import Floats, Int64s

BLOCK = 7 * 24 * 60  # minutes
KEPT_BLOCKS = 30
AMOUNT = 60 * 10**6
"""Amount units in one billing unit (kWh or m³)."""

Rates = Callable[[int], Int64s]
"""The rates of all minutes of a block, shape (BLOCK,), by the block's number (minutes since the epoch // BLOCK)."""


def minutes_of(block: int) -> Int64s:
    """The minutes of a block, counted from the Unix epoch."""
    return np.arange(block * BLOCK, (block + 1) * BLOCK, dtype=np.int64)


def blocks(times_us: Int64s) -> Iterator[tuple[int, slice, Int64s]]:
    """For ascending instants: each block they touch, which of them lie in it, and the index of their minute there."""
    minutes = times_us // MINUTE
    number = minutes // BLOCK
    edges = np.flatnonzero(np.diff(number)) + 1
    for begin, end in zip([0, *edges.tolist()], [*edges.tolist(), len(minutes)], strict=True):
        if end > begin:
            block = int(number[begin])
            yield block, slice(begin, end), minutes[begin:end] - block * BLOCK


class Flow:
    """A rate of 0 or more and its running total since ``start_us`` (rounded down to the minute)."""

    def __init__(self, rates: Rates, start_us: int) -> None:
        self._rates = rates
        self._start_minute = start_us // MINUTE
        self._first_block = self._start_minute // BLOCK
        self._before = [0]  # amounts before the first block, the second …
        self._totals = lru_cache(KEPT_BLOCKS)(self._running_totals)

    def rate(self, times_us: Int64s) -> Int64s:
        """The rate at each of the ascending instants; 0 before the start."""
        found = np.empty(len(times_us), np.int64)
        for block, where, index in blocks(times_us):
            totals = self._totals(block)
            found[where] = totals[index + 1] - totals[index]
        return found

    def amount(self, times_us: Int64s) -> Int64s:
        """The amount since the start at each of the ascending instants, rounded down; 0 before the start."""
        found = np.empty(len(times_us), np.int64)
        for block, where, index in blocks(times_us):
            totals = self._totals(block)
            begun = (totals[index + 1] - totals[index]) * (times_us[where] % MINUTE) // MINUTE
            found[where] = self._amount_before(block) + totals[index] + begun
        return found

    def _running_totals(self, block: int) -> Int64s:
        rates = self._rates(block)
        if block <= self._first_block:
            rates = np.where(minutes_of(block) >= self._start_minute, rates, 0)
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(rates)])

    def _amount_before(self, block: int) -> int:
        wanted = block - self._first_block
        while len(self._before) <= wanted:
            latest = self._first_block + len(self._before) - 1
            self._before.append(self._before[-1] + int(self._totals(latest)[-1]))
        return self._before[max(wanted, 0)]


class Register:
    """A counter with ``digits`` decimals: a flow on top of a first ``reading``, cut off after the last digit."""

    def __init__(self, flow: Flow, *, reading: float, digits: int) -> None:
        self._flow = flow
        self._start = round(Fraction(str(reading)) * AMOUNT)
        self._per_step = AMOUNT // 10**digits
        self._steps_per_unit = 10.0**digits

    def at(self, times_us: Int64s) -> Floats:
        """The reading in the billing unit at each of the ascending instants."""
        steps = (self._start + self._flow.amount(times_us)) // self._per_step
        return np.asarray(steps / self._steps_per_unit)


def consumption(rates: Rates, window: Window) -> float:
    """The exact integral of the rates over the window, in billing units, summed directly minute by minute."""
    first, last = window.start_us // MINUTE, -(-window.end_us // MINUTE)
    total = 0
    for block in range(first // BLOCK, -(-last // BLOCK)):
        minutes = minutes_of(block)
        begins = np.maximum(minutes * MINUTE, window.start_us)
        ends = np.minimum((minutes + 1) * MINUTE, window.end_us)
        durations = np.maximum(ends - begins, 0)
        rate = rates(block)
        whole = durations == MINUTE
        total += int(rate[whole].sum()) * MINUTE
        broken = ~whole & (durations > 0)
        total += sum(int(r) * int(d) for r, d in zip(rate[broken], durations[broken], strict=True))
    return float(Fraction(total, MINUTE * AMOUNT))
