"""Detection: what a million readings cost, beside the least that a detector can do and one off the shelf.

Series of quarter-hours for a year, as a school might have them; all of it is judged as it went by, with models learned
anew every four weeks, as analytics does. How well each finds what is wrong: docs/anomaly.md.
"""

import time
from collections.abc import Callable

import numpy as np

from analytics.anomaly.curve import LoadCurve
from analytics.anomaly.history import score
from analytics.anomaly.week import Week
from bench.anomaly.dataset import Labelled
from bench.anomaly.peers import isolation_forest, seasonal_naive
from bench.result import Row
from metering.estate import Carrier
from metering.instant import DAY, QUARTER_HOUR, parse

_BEGIN_US, _DAYS = parse("2025-01-01T00:00:00Z"), 365


def measure(series: int) -> list[Row]:
    week = Week()
    curves = [_curve(week, number) for number in range(series)]
    detectors: dict[str, Callable[[Labelled], object]] = {
        "leitwarte": lambda each: score(week, each.faulty, each.carrier),
        "limit: seasonal naive": seasonal_naive,
        "scikit-learn's IsolationForest": isolation_forest,
    }
    score(week, curves[0].faulty.part(0, 90 * 96), Carrier.ELECTRICITY)  # reads the classifier
    rows = []
    for who, judge in detectors.items():
        begun = time.process_time()
        for each in curves:
            judge(each)
        million = (time.process_time() - begun) / (series * len(curves[0].faulty)) * 1e6
        rows.append(Row("detection", f"{series} series, a year of quarter-hours each", who, {"CPU s/million": million}))
    return rows


def _curve(week: Week, seed: int) -> Labelled:
    starts = _BEGIN_US + np.arange(_DAYS * DAY // QUARTER_HOUR, dtype=np.int64) * QUARTER_HOUR
    noise = np.random.default_rng(seed)
    hour = starts // (4 * QUARTER_HOUR) % 24
    at_work = ~week.slots(starts, QUARTER_HOUR).off & (hour > 5) & (hour < 17)
    load = np.where(at_work, 4.0, 1.0) + noise.gamma(2.0, 0.2, len(starts)).round(3)
    curve = LoadCurve(starts, QUARTER_HOUR, load)
    return Labelled(f"school {seed}", Carrier.ELECTRICITY, curve, curve, len(starts) // 4)
