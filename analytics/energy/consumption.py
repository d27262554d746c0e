"""From register readings to consumption: pure and exact.

Every interval bound gets one register value that depends on nothing but the readings around it, as an integer. So the
parts of any split of a window add up to the whole, and complete intervals add up to last minus first register reading,
to the last digit. Floats are unavoidable in two places: readings come as floats, whose 53 bits hold a register of up
to nine thousand million units to its millionth; and where a bound lies between two readings, the share of time is a
float, which may move a millionth of a unit from one interval to its neighbour and never changes a sum.
"""

import numpy as np

from analytics.energy.course import EXCHANGE_US, Bools, course
from analytics.energy.intervals import MICRO, Intervals
from metering.estate import Counter
from metering.instant import Window
from metering.quality import Quality
from metering.samples import Int64s, Samples

_PLAIN = Counter()


def consumption(  # noqa: PLR0913 - all but the window are facts about the meter
    samples: Samples,
    window: Window,
    step_us: int,
    *,
    near_us: int | None = None,
    counter: Counter = _PLAIN,
    substitute: bool = False,
) -> Intervals:
    """Consumption in each ``step_us`` of the window, from register readings in and around it.

    samples     register readings; give those around the window too (`analytics.energy.course.LOOK_AROUND_US`), or its
                edges stay incomplete
    near_us     how far apart two neighbouring readings may be for what lies between to count as measured; default
                two steps: then an interval misses at most one reading on either side of its bounds
    counter     how the register counts: rollover, fastest rate, meter exchanges
    substitute  whether what was consumed between readings that are further apart is spread evenly over the gap

    The register at an interval bound is interpolated linearly between the neighbouring readings. A gap between known
    registers is known as a sum only. With ``substitute`` that sum is spread: such intervals are SUBSTITUTED (the
    replacement value of VDE-AR-N 4400) and not complete. Without, the intervals are unknown, and the sum stands apart,
    in ``bridged``, for days, months and years. Either way an outage loses no energy. What counts of a register that
    falls or leaps, `analytics.energy.course.course` says; where it does not count, completeness falls.

    Raises ValueError if the step is not positive or the window is not a multiple of it.
    """
    if step_us <= 0 or window.duration_us % step_us:
        raise ValueError(f"a window of {window.duration_us} µs has no whole number of steps of {step_us} µs")
    bounds = np.arange(window.start_us, window.end_us + 1, step_us, dtype=np.int64)
    found = course(samples, counter)
    times = found.times_us
    if len(times) < 2:
        return _nothing(bounds, step_us)

    span = np.diff(times)
    near = span <= (2 * step_us if near_us is None else near_us)
    measured_in, spread_in = found.counts & near, found.counts & ~near

    # the stretch between readings in which each bound lies, and how far into it
    stretch = np.clip(np.searchsorted(times, bounds, side="right") - 1, 0, len(span) - 1)
    into = np.clip(bounds - times[stretch], 0, span[stretch])
    share = into / span[stretch]

    def counted(which: Bools) -> Int64s:
        used = np.where(which, found.used, 0)
        until_bounds: Int64s = _running(used)[stretch] + np.rint(used[stretch] * share).astype(np.int64)
        return np.diff(until_bounds)

    def lasting(which: Bools) -> Int64s:
        until_bounds: Int64s = _running(span * which)[stretch] + into * which[stretch]
        return np.diff(until_bounds)

    measured, bridged = lasting(measured_in), np.full(len(bounds) - 1, np.nan)
    if spread_in.any():
        bridged = np.where(lasting(spread_in) > EXCHANGE_US, counted(spread_in) / MICRO, np.nan)
    known = measured > EXCHANGE_US  # the indices noted at an exchange alone say nothing of an interval
    intervals = Intervals(
        bounds[:-1],
        step_us,
        np.where(known, counted(measured_in) / MICRO, np.nan),
        np.where(known, measured, 0) / step_us,
        np.where(known, Quality.MEASURED, Quality.SUSPECT).astype(np.int8),
        bridged,
    )
    return intervals.filled() if substitute else intervals


def _running(amounts: Int64s) -> Int64s:
    """The sum of everything before each stretch."""
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(amounts, dtype=np.int64)[:-1]))


def _nothing(bounds: Int64s, step_us: int) -> Intervals:
    count = len(bounds) - 1
    return Intervals.of(bounds[:-1], step_us, np.full(count, np.nan))
