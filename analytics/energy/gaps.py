"""Sums over days and longer: consumption, and beside it what registers counted over gaps."""

import numpy as np

from analytics.energy.intervals import MICRO, micro
from metering.quality import Quality
from metering.samples import Samples


def with_gaps(consumption: Samples, bridged: Samples) -> Samples:
    """What is known of a meter's intervals, from its stored ``consumption`` and ``gap_consumption``; nothing doubted.

    Where a gap was bridged both count together, as a substitute value; the sum is exact to its millionth.
    """
    known, gaps = consumption.trusted(), bridged.trusted()
    if not len(gaps):
        return known
    times = np.union1d(known.times_us, gaps.times_us)
    own, gap = np.searchsorted(times, known.times_us), np.searchsorted(times, gaps.times_us)
    amounts = np.zeros(len(times), np.int64)
    np.add.at(amounts, own, micro(known.values))
    np.add.at(amounts, gap, micro(gaps.values))
    values = amounts / MICRO
    qualities = np.full(len(times), Quality.MEASURED, np.int8)
    qualities[own] = known.qualities
    qualities[gap] = Quality.SUBSTITUTED
    plain = np.setdiff1d(own, gap)
    values[plain] = known.values[np.isin(own, plain)]
    return Samples(times, values, qualities)
