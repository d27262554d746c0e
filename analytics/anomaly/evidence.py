"""Statistics that each show one kind of fault. Causal: a value at an interval uses that interval and earlier ones.

Each is large for its fault and has no natural unit; `detector` measures them by the meter's own history.
"""

from collections.abc import Mapping

import numpy as np

from analytics.anomaly.curve import LoadCurve
from analytics.anomaly.model import Expectation, trailing_greatest, trailing_mean
from analytics.anomaly.week import Bools
from metering.instant import HOUR
from metering.samples import Floats, Int64s

LEAD_IN_US = 72 * HOUR
"""How much earlier data the longest of the statistics looks at."""

_CLIP = 4.0  # deviations beyond this count no more: one spike shall not look like a lasting change


def evidence(curve: LoadCurve, expectation: Expectation, level: float) -> Mapping[str, Floats]:
    """The statistics that compare with the expectation, each of shape (n,), NaN where they cannot be had.

    ``level`` is the meter's mean consumption of an interval, in the billing unit.

    ``high``, ``low``        deviation of the single interval, in its usual deviations
    ``fraction``             log of how many times less than expected (a value in the wrong unit)
    ``high_1d``, ``high_3d`` mean deviation of the last day, the last three days
    ``low_1d``, ``low_3d``   the same downwards
    ``less_1d``              log of how many times less than expected over the last day (a lost phase)
    ``flow_2d``              least consumption in any interval of the last two days (a leak)
    """
    values = curve.values
    expected, scale = expectation.expected, expectation.scale
    deviation = (values - expected) / scale
    clipped = np.clip(deviation, -_CLIP, _CLIP)
    small = 0.02 * level + 1e-12
    hours = HOUR / curve.step_us
    day, three = max(round(24 * hours), 1), max(round(72 * hours), 1)
    mean_1d, mean_3d = trailing_mean(clipped, day, 0.5), trailing_mean(clipped, three, 0.5)
    had = trailing_mean(np.minimum(values, expected + 6 * scale), day, 0.5)
    wanted = trailing_mean(np.where(np.isfinite(values), expected, np.nan), day, 0.5)
    ratio = np.maximum(values, 0.0) / np.maximum(expected, small)
    return {
        "high": deviation,
        "low": -deviation,
        "fraction": -np.log(np.maximum(ratio, 1e-4)),
        "high_1d": mean_1d,
        "high_3d": mean_3d,
        "low_1d": -mean_1d,
        "low_3d": -mean_3d,
        "less_1d": np.log((wanted + small) / (np.maximum(had, 0.0) + small)),
        "flow_2d": trailing_least(values, 2 * day),
    }


def trailing_least(values: Floats, length: int) -> Floats:
    """Least of the last ``length`` values; NaN where one of them is missing or there are fewer."""
    if not len(values):
        return values
    least = -trailing_greatest(np.where(np.isfinite(values), -values, np.inf), length)
    least[: length - 1] = np.nan
    return np.where(np.isfinite(least), least, np.nan)


def run_lengths(same: Bools) -> Int64s:
    """How many intervals in a row, up to and with each, continue what was before (``same``); the first counts 1."""
    index = np.arange(len(same))
    return index - np.maximum.accumulate(np.where(same, 0, index)) + 1 if len(same) else index
