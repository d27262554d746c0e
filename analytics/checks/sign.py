"""What a check sees: where it holds, and what would be right."""

from dataclasses import dataclass

import numpy as np

from analytics.anomaly.week import Bools
from metering.samples import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Sign:
    """Arrays of shape (n,), one value for each of some consecutive intervals.

    holds     where something is wrong
    actual    what was
    expected  what would be right
    """

    holds: Bools
    actual: Floats
    expected: Floats


def lasting(holds: Bools, least: int) -> Bools:
    """Only stretches of at least ``least`` in a row."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], holds, [False])).astype(np.int8)))
    found = np.zeros(len(holds), bool)
    for begin, end in edges.reshape(-1, 2).tolist():
        found[begin:end] = end - begin >= least
    return found
