"""The course of a register: from what it showed to what was counted between its readings.

Registers become integers (millionths of a billing unit) before anything is subtracted. What is decided here about a
reading depends on nothing that is more than `LOOK_AROUND_US` away from it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analytics.energy.intervals import MICRO
from metering.estate import Counter, Exchange
from metering.instant import DAY, HOUR, QUARTER_HOUR
from metering.samples import Int64s, Samples

LOOK_AROUND_US = DAY
"""Excursions that return within this time are taken out; give readings from so far around a window."""

EXCHANGE_US = 1
"""The old meter's last index counts as read so long before the new one's first."""

_LARGEST = 9.0e12  # register value that fits 64 bit in millionths; more is no register of a municipal network
_FASTEST = 1e5  # billing units per hour, kW or m³/h: more than any connection of a municipal network carries
_BURST_US = QUARTER_HOUR  # a register may show at once what it counted in so long: coarse digits, late totals
_JITTER = 1e6  # a fall by a millionth of the register is rounding (32-bit floats), not counting
_ROUND_SHARE = 10  # a rollover uses at most this part of the register's range …
_SURE_SHARE = 1000  # … without more reason if it is at most this part, …
_USUAL_TIMES = 10  # … otherwise if it is at most so many times what the neighbouring readings show
_NEIGHBOURS = 4

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """Readings that take part, and what was counted between them.

    times_us  shape (n,), int64, ascending
    used      shape (n - 1,), int64, millionths of a billing unit; 0 where it does not count
    counts    shape (n - 1,), whether it is known how much was counted in this stretch
    """

    times_us: Int64s
    used: Int64s
    counts: Bools


def course(samples: Samples, counter: Counter) -> Course:
    """The course of a register over its readings.

    - Suspect readings do not take part, and neither do short excursions: a dip to zero that recovers, a wild high
      value that is gone again.
    - At a recorded meter exchange the old register's last index and the new one's first are readings too.
    - A fall is a rollover if what was then consumed is believable: at the ``max_rate`` of the counter if that is
      given; else a thousandth of the register's range, or ten times the rate of the readings beside it up to a tenth
      of the range. Any other fall is a reset or an exchange that nobody recorded: they look alike, so nothing is
      counted across it.
    - A rise faster than ``max_rate`` (if that is unknown: 100 MW, 100,000 m³/h) is not counted either.
    """
    trusted = samples.trusted()
    fits = np.abs(trusted.values) < _LARGEST  # NaN compares false
    times = trusted.times_us[fits]
    register = np.rint(trusted.values[fits] * MICRO).astype(np.int64)
    parts = [_sound(*part) for part in _by_meter(times, register, counter.exchanges)]
    times = np.concatenate([part for part, _ in parts])
    span = np.diff(times)
    used = np.concatenate([_differences(register) for _, register in parts])[1:]
    if len(span):
        used = _unrolled(used, span, counter)
    rate = _FASTEST if counter.max_rate is None else counter.max_rate
    counts = (used >= 0) & (used <= (span + _BURST_US) * (rate * MICRO / HOUR))
    return Course(times, np.where(counts, used, 0), counts)


def _by_meter(times: Int64s, register: Int64s, exchanges: tuple[Exchange, ...]) -> Iterator[tuple[Int64s, Int64s]]:
    """The readings of one meter after the other, with the indices noted at their exchanges."""
    begin = 0
    first: tuple[int, float] | None = None
    for exchange in exchanges:
        end = int(np.searchsorted(times, exchange.time_us))
        yield _noted(times[begin:end], register[begin:end], first, (exchange.time_us - EXCHANGE_US, exchange.end))
        begin, first = end, (exchange.time_us, exchange.start)
    yield _noted(times[begin:], register[begin:], first, None)


def _noted(
    times: Int64s, register: Int64s, first: tuple[int, float] | None, last: tuple[int, float] | None
) -> tuple[Int64s, Int64s]:
    """Readings between the noted ones; a noted one stands before one of the same time."""
    if first is not None:
        keep = times > first[0]
        times = np.concatenate(([first[0]], times[keep])).astype(np.int64)
        register = np.concatenate(([round(first[1] * MICRO)], register[keep])).astype(np.int64)
    if last is not None:
        keep = times < last[0]
        times = np.concatenate((times[keep], [last[0]])).astype(np.int64)
        register = np.concatenate((register[keep], [round(last[1] * MICRO)])).astype(np.int64)
    return times, register


def _sound(times: Int64s, register: Int64s) -> tuple[Int64s, Int64s]:
    """The readings of one meter without jitter and excursions."""
    steady = _without_jitter(register)
    keep = ~_excursions(times, steady)
    return times[keep], steady[keep]


def _differences(register: Int64s) -> Int64s:
    """What each reading of a meter adds to the one before; its first adds nothing, as the exchange's indices tell."""
    return np.diff(register, prepend=register[:1])


def _without_jitter(register: Int64s) -> Int64s:
    """The register held where it falls by no more than rounding."""
    step = np.diff(register)
    if not np.any(step < 0):
        return register
    falls = np.flatnonzero(step * _JITTER < -np.abs(register[:-1])) + 1
    return np.concatenate([_held(part) for part in np.split(register, falls)])


def _held(register: Int64s) -> Int64s:
    top = np.maximum.accumulate(register) if len(register) else register
    return np.where((top - register) * _JITTER <= np.abs(top), top, register)


def _excursions(times: Int64s, register: Int64s) -> Bools:
    """Readings of short excursions: the register jumps away and, at a later reading, is back on its old course.

    A jump back is told from growth by its size: more than half of the excursion in a single stretch.
    """
    out = np.zeros(len(register), bool)
    for fall in np.flatnonzero(np.diff(register) < 0).tolist():
        if out[fall] or out[fall + 1]:
            continue
        before, after = register[fall], register[fall + 1]
        half = (before - after) / 2
        until = int(np.searchsorted(times, times[fall] + LOOK_AROUND_US, side="right"))
        back = fall + 1 + int(np.argmax(register[fall + 1 : max(until, fall + 2)] >= before))
        if register[back] >= before and register[back] - register[back - 1] > half:  # a dip
            out[fall + 1 : back] = True
            continue
        since = int(np.searchsorted(times, times[fall + 1] - LOOK_AROUND_US))
        lower = since + np.flatnonzero((register[since : fall + 1] <= after) & ~out[since : fall + 1])
        if len(lower) and register[lower[-1] + 1] - register[lower[-1]] > half:  # a wild high value
            out[lower[-1] + 1 : fall + 1] = True
    return out


def _unrolled(used: Int64s, span: Int64s, counter: Counter) -> Int64s:
    """What was used, with the register's range added where it has begun again at 0."""
    if counter.rollover is None:
        return used
    modulus = round(counter.rollover * MICRO)
    wrapped = used + modulus
    unrolled = used.copy()
    for fall in np.flatnonzero((used < 0) & (wrapped >= 0)).tolist():
        if counter.max_rate is not None:
            believed = min(modulus / 2, (int(span[fall]) + _BURST_US) * counter.max_rate * MICRO / HOUR)
        else:
            beside = slice(max(fall - _NEIGHBOURS, 0), fall + _NEIGHBOURS + 1)
            usual = max(0.0, float(np.max(used[beside] / span[beside]))) * int(span[fall])
            believed = min(modulus / _ROUND_SHARE, max(modulus / _SURE_SHARE, _USUAL_TIMES * usual))
        if wrapped[fall] <= believed:
            unrolled[fall] = wrapped[fall]
    return unrolled
