"""What an interval's value is in the custom of VDE-AR-N 4400 and the BDEW's load profiles."""

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from analytics.energy.intervals import Intervals
from metering.quality import Quality


class Status(StrEnum):
    """One of four; nothing is in between."""

    MEASURED = "measured"  # wahrer Wert: the whole interval was measured
    PROVISIONAL = "provisional"  # vorläufiger Wert: part of it was, and what is missing may still come
    SUBSTITUTED = "substituted"  # Ersatzwert: formed by a rule or a model
    MISSING = "missing"  # nothing is known


def statuses(intervals: Intervals) -> NDArray[np.str_]:
    """The status of each interval, shape (n,)."""
    known = np.isfinite(intervals.consumption) & (intervals.qualities != Quality.SUSPECT)
    formed = (intervals.qualities == Quality.SUBSTITUTED) | (intervals.qualities == Quality.ESTIMATED)
    whole = intervals.completeness >= 1.0
    cases = [~known, formed, ~whole]
    return np.select(cases, [Status.MISSING, Status.SUBSTITUTED, Status.PROVISIONAL], Status.MEASURED)
