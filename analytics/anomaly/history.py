"""A whole history judged the way it would have been judged live: each interval by what was known up to it."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from analytics.anomaly.curve import LoadCurve
from analytics.anomaly.detector import Detector, Scores
from analytics.anomaly.evidence import LEAD_IN_US
from analytics.anomaly.week import Week
from metering.estate import Carrier
from metering.instant import DAY
from metering.samples import Floats

_FIRST_FITS = (1, 2, 4, 7, 14, 21, 28)  # days of history
_REFIT_DAYS = 28
_LEARN_DAYS = 366
_DOUBTED = 0.5  # intervals from this score on are not learned from
_MATURE_DAYS = 84  # but only a detector with this much history may say so: a young one would never see a long night


def score_history(week: Week, curve: LoadCurve, carrier: Carrier | None = None) -> Scores:
    """Score every interval of the curve, with a detector that is learned anew as the history grows.

    Causal: the result for an interval does not change with what comes after it.
    """
    learned = curve.with_values(curve.values.copy())
    slots = week.slots(curve.start_us, curve.step_us)
    parts = []
    for begin, end in _stretches(curve):
        past = (begin - _LEARN_DAYS * DAY // curve.step_us, begin)
        lead = min(begin, LEAD_IN_US // curve.step_us)
        now = (begin - lead, end)
        detector = Detector.fit(learned.part(*past), slots.part(*past), carrier)
        found = detector.score(curve.part(*now), slots.part(*now)).after(lead)
        parts.append(found)
        learned.values[:end] = learnable(curve.part(0, end), learned.values[:begin], found.score)
    return Scores.join(parts)


def learnable(curve: LoadCurve, learned: Floats, score: Floats) -> Floats:
    """The values of the curve to learn from: what was ``learned`` so far, and what has been scored since.

    Intervals that look wrong are left out (NaN) once there are twelve weeks to tell by. But a change that lasts becomes
    the new normal: if more than half of the last four weeks looks wrong, all of these weeks are learned from.
    """
    newest = curve.values[len(learned) :]
    if len(learned) * curve.step_us < _MATURE_DAYS * DAY:
        return np.concatenate((learned, newest))
    values = np.concatenate((learned, np.where(score >= _DOUBTED, np.nan, newest)))
    recent = slice(max(0, len(values) - _REFIT_DAYS * DAY // curve.step_us), len(values))
    known = np.isfinite(curve.values[recent])
    if known.any() and np.isnan(values[recent][known]).mean() > 0.5:
        values[recent] = curve.values[recent]
    return values


def _stretches(curve: LoadCurve) -> Iterator[tuple[int, int]]:
    """Half-open ranges of positions between two fits."""
    fits = [0, *_FIRST_FITS, *range(_FIRST_FITS[-1] + _REFIT_DAYS, int(curve.days) + 1, _REFIT_DAYS)]
    begins = sorted({min(day * DAY // curve.step_us, len(curve)) for day in fits} | {len(curve)})
    yield from pairwise(begins)
