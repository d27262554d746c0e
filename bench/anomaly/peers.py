"""Reference detectors: what one would write in an afternoon, or take off the shelf. All causal; scores of any scale.

Each takes the whole series and the length of its history, learns from the history (or goes by as time does) and gives
a score for every interval; a missing interval scores nothing unless rules say so.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from sklearn.ensemble import IsolationForest

from analytics.anomaly.detector import RULES, doubts, surprises
from analytics.anomaly.history import observe
from analytics.anomaly.model import trailing_mean
from analytics.anomaly.week import Week
from bench.anomaly.dataset import Labelled
from metering.instant import HOUR
from metering.samples import Floats

_WEEK = Week()
Peer = Callable[[Labelled], Floats]


def _lag(values: Floats, hours: float, step_us: int) -> Floats:
    lag = round(hours * HOUR / step_us)
    return np.concatenate((np.full(lag, np.nan), values[:-lag]))


def seasonal_naive(series: Labelled) -> Floats:
    """Distance to the value of a week ago, in usual distances of the history."""
    curve = series.faulty
    distance = np.abs(curve.values - _lag(curve.values, 168, curve.step_us))
    score: Floats = distance / max(float(np.nanmedian(distance[: series.split])), 1e-9)
    return score


def hour_of_week(series: Labelled) -> Floats:
    """Distance to the median of the hour of the week in median absolute deviations, both of the history."""
    curve = series.faulty
    slot = _WEEK.slots(curve.start_us, curve.step_us).slot
    hour = slot * curve.step_us // HOUR
    past, group = curve.values[: series.split], hour[: series.split]
    known = np.isfinite(past)
    median = np.array([np.median(past[known & (group == h)]) for h in range(168)])
    spread = np.array([np.median(np.abs(past[known & (group == h)] - median[h])) for h in range(168)])
    floor = 0.02 * float(np.nanmean(past)) + 1e-9
    score: Floats = np.abs(curve.values - median[hour]) / np.maximum(spread[hour], floor)
    return score


def regression(series: Labelled) -> Floats:
    """Distance to a time-of-week and temperature regression, learned anew every four weeks, in usual deviations."""
    trace = observe(_WEEK, series.faulty).trace
    score: Floats = np.abs(series.faulty.values - trace.expected) / trace.scale
    return score


def rules(series: Labelled) -> Floats:
    """Gap, negative, stuck."""
    score: Floats = surprises(observe(_WEEK, series.faulty).trace)[: len(RULES)].max(axis=0)
    return score


def rules_and_statistics(series: Labelled) -> Floats:
    """What this program's detector is without its classifier."""
    return doubts(observe(_WEEK, series.faulty).trace)


def isolation_forest(series: Labelled) -> Floats:
    """scikit-learn's IsolationForest on value, lags, level and calendar, fitted to the history."""
    curve = series.faulty
    day = round(24 * HOUR / curve.step_us)
    slots = _WEEK.slots(curve.start_us, curve.step_us)
    per_day = slots.count // 7
    columns = [
        *(_lag(curve.values, hours, curve.step_us) for hours in (1, 24, 168)),
        trailing_mean(curve.values, day, 0.5),
        slots.slot % per_day,
        slots.slot // per_day,
    ]
    rows = np.nan_to_num(np.stack([curve.values, *columns], axis=1), nan=float(np.nanmedian(curve.values)))
    forest = IsolationForest(n_estimators=100, max_samples=1024, random_state=0).fit(rows[: series.split])
    score: Floats = -forest.score_samples(rows)
    return score


PEERS: Mapping[str, Peer] = MappingProxyType(
    {
        "seasonal naive (week)": seasonal_naive,
        "hour-of-week MAD": hour_of_week,
        "time of week and temperature": regression,
        "IsolationForest": isolation_forest,
        "rules alone": rules,
        "rules and statistics": rules_and_statistics,
    }
)
