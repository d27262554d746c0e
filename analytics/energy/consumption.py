"""From register readings to consumption: pure and exact.

Registers become integers (millionths of a billing unit) before anything is subtracted, and every interval bound gets
one register value that depends on nothing but the readings around it. So the parts of any split of a window add up to
the whole, and complete intervals add up to last minus first register reading, to the last digit.
"""

import numpy as np

from analytics.energy.intervals import MICRO, Intervals
from metering.instant import Window
from metering.quality import Quality
from metering.samples import Int64s, Samples

_LARGEST = 9.0e12
"""Largest register value that fits 64 bit in millionths; more is no register of a municipal network."""


def consumption(
    samples: Samples, window: Window, step_us: int, *, near_us: int | None = None, rollover: float | None = None
) -> Intervals:
    """Consumption in each ``step_us`` of the window, from register readings in and around it.

    samples   register readings; give those just outside the window too, or its edges stay incomplete
    near_us   how far apart two neighbouring readings may be for what lies between to count as measured; default
              two steps: then an interval misses at most one reading on either side of its bounds
    rollover  the register value at which the counter starts again from 0, if it has one

    The register at an interval bound is interpolated linearly between the neighbouring readings. What was consumed
    between readings that are further apart is known as a sum only: it is spread evenly, does not count as complete,
    and its intervals are SUBSTITUTED (the replacement value of VDE-AR-N 4400 for a gap between known registers), so
    an outage of the connection loses no energy. Suspect readings do not count. Where the register falls, a reset and
    an exchanged meter look alike: nothing is counted across, and completeness falls. A short excursion that returns
    (a dip to zero, a wild high value) is left out as if it had been suspect. A fall by nearly the whole ``rollover``
    (what was consumed is at most a tenth of it) is a rollover and counts.

    Raises ValueError if the step is not positive or the window is not a multiple of it.
    """
    if step_us <= 0 or window.duration_us % step_us:
        raise ValueError(f"a window of {window.duration_us} µs has no whole number of steps of {step_us} µs")
    bounds = np.arange(window.start_us, window.end_us + 1, step_us, dtype=np.int64)
    times, register = _usable(samples)
    if len(times) < 2:
        return _nothing(bounds, step_us)

    span = np.diff(times)
    used = np.diff(register)
    if rollover is not None:
        modulus = round(rollover * MICRO)
        wrapped = used + modulus
        used = np.where((used < 0) & (wrapped >= 0) & (wrapped <= modulus // 10), wrapped, used)
    counts = used >= 0
    near = span <= (2 * step_us if near_us is None else near_us)
    used = np.where(counts, used, 0)

    # the stretch between readings in which each bound lies, and how far into it
    stretch = np.clip(np.searchsorted(times, bounds, side="right") - 1, 0, len(span) - 1)
    into = np.clip(bounds - times[stretch], 0, span[stretch])
    share = into / span[stretch]
    counted = np.diff(_running(used)[stretch] + np.rint(used[stretch] * share).astype(np.int64))
    measured = np.diff(_running(span * (counts & near))[stretch] + into * (counts & near)[stretch])
    spread = np.diff(_running(span * (counts & ~near))[stretch] + into * (counts & ~near)[stretch])

    known = (measured + spread) > 0
    qualities = np.select([~known, spread > 0], [Quality.SUSPECT, Quality.SUBSTITUTED], Quality.MEASURED)
    return Intervals(
        bounds[:-1],
        step_us,
        np.where(known, counted / MICRO, np.nan),
        measured / step_us,
        qualities.astype(np.int8),
    )


def _usable(samples: Samples) -> tuple[Int64s, Int64s]:
    """Times and registers (millionths) of the readings that take part."""
    trusted = samples.trusted()
    fits = np.abs(trusted.values) < _LARGEST  # NaN compares false
    times = trusted.times_us[fits]
    register = np.rint(trusted.values[fits] * MICRO).astype(np.int64)
    keep = ~_excursions(register)
    return times[keep], register[keep]


def _excursions(register: Int64s) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Readings of short excursions: the register jumps away and, at a later reading, is back on its old course.

    A jump back is told from growth by its size: more than half of the excursion in a single stretch.
    """
    out = np.zeros(len(register), bool)
    for fall in np.flatnonzero(np.diff(register) < 0):
        before, after = register[fall], register[fall + 1]
        if out[fall] or out[fall + 1]:
            continue
        half = (before - after) / 2
        back = fall + 1 + int(np.argmax(register[fall + 1 :] >= before))
        if register[back] >= before and register[back] - register[back - 1] > half:  # a dip
            out[fall + 1 : back] = True
            continue
        lower = np.flatnonzero(register[: fall + 1] <= after)
        if len(lower) and register[lower[-1] + 1] - register[lower[-1]] > half:  # a wild high value
            out[lower[-1] + 1 : fall + 1] = True
    return out


def _running(amounts: Int64s) -> Int64s:
    """The sum of everything before each stretch."""
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(amounts, dtype=np.int64)[:-1]))


def _nothing(bounds: Int64s, step_us: int) -> Intervals:
    count = len(bounds) - 1
    return Intervals.of(bounds[:-1], step_us, np.full(count, np.nan))
