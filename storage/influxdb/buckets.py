"""Values aggregated into buckets here, for what InfluxQL cannot say: that suspect ones are left out.

A condition on a status field drops the points that have none, which are nearly all.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from metering.instant import Window
from metering.quality import Quality
from metering.samples import Int64s, Qualities, Samples
from storage.protocol import Aggregate

_STRETCHES = 50  # more queries than this cost more than reading what lies between
_REDUCE = {Aggregate.MIN: np.minimum, Aggregate.MAX: np.maximum, Aggregate.SUM: np.add}


class Flags(NamedTuple):
    """The times of one series at which a status is stored, ascending, and the qualities it tells."""

    times_us: Int64s
    qualities: Qualities


def starts_of(times_us: Int64s, step_us: int) -> Int64s:
    """The start of each time's bucket."""
    return times_us // step_us * step_us


def aggregate(samples: Samples, step_us: int, how: Aggregate) -> Samples:
    """One value for each bucket with a trusted sample, as `storage.protocol.Store.aggregate` has it but for COUNT.

    The qualities are not those of the store: every bucket counts as measured.
    """
    trusted = samples.trusted()
    if not len(trusted):
        return Samples.empty()
    starts, first, counts = np.unique(starts_of(trusted.times_us, step_us), return_index=True, return_counts=True)
    match how:
        case Aggregate.FIRST:
            values = trusted.values[first]
        case Aggregate.LAST:
            values = trusted.values[first + counts - 1]
        case Aggregate.MEAN:
            values = np.add.reduceat(trusted.values, first) / counts
        case _:
            values = _REDUCE[how].reduceat(trusted.values, first)
    return Samples.of(starts, values)


def flagged(samples: Samples, flags: Flags | None) -> Samples:
    """The samples with the qualities that the flags give their times."""
    return samples if flags is None else marked(samples, flags, step_us=1)


def marked(buckets: Samples, flags: Flags, step_us: int) -> Samples:
    """The buckets with the highest quality code among the flags in each."""
    qualities = buckets.qualities.copy()
    starts = starts_of(flags.times_us, step_us)
    at = np.searchsorted(buckets.times_us, starts)
    known = np.isin(starts, buckets.times_us)
    np.maximum.at(qualities, at[known], flags.qualities[known])
    return Samples.of(buckets.times_us, buckets.values, qualities)


def with_suspects(flags: Flags, step_us: int) -> Int64s:
    """The starts of the buckets in which a suspect value lies, ascending."""
    return np.unique(starts_of(flags.times_us[flags.qualities == Quality.SUSPECT], step_us))


def stretches(buckets: Int64s, window: Window, step_us: int) -> list[Window]:
    """The parts of the window that the ascending buckets cover, neighbours joined; one for all if they are too many."""
    if not len(buckets):
        return []
    breaks = np.flatnonzero(np.diff(buckets) > step_us)
    firsts, lasts = [0, *(breaks + 1)], [*breaks, len(buckets) - 1]
    if len(firsts) > _STRETCHES:
        firsts, lasts = firsts[:1], lasts[-1:]
    return [
        Window(max(int(buckets[first]), window.start_us), min(int(buckets[last]) + step_us, window.end_us))
        for first, last in zip(firsts, lasts, strict=True)
    ]


def replaced(pushed: Samples, buckets: Int64s, instead: Iterable[Samples]) -> Samples:
    """``pushed`` with the given buckets taken from ``instead``, which may hold others too; qualities are not kept."""
    parts = [only(pushed, ~np.isin(pushed.times_us, buckets))]
    parts += [only(samples, np.isin(samples.times_us, buckets)) for samples in instead]
    joined = Samples.joined(parts)
    order = np.argsort(joined.times_us)
    return Samples.of(joined.times_us[order], joined.values[order])


def only(samples: Samples, keep: NDArray[np.bool_]) -> Samples:
    return Samples.of(samples.times_us[keep], samples.values[keep], samples.qualities[keep])
