"""A whole history judged the way it would have been judged live: each interval by what was known up to it."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from analytics.anomaly.curve import LoadCurve
from analytics.anomaly.detector import Detector, Scores
from analytics.anomaly.evidence import LEAD_IN_US
from analytics.anomaly.week import Week, WeekSlots
from metering.estate import Carrier
from metering.instant import DAY
from metering.samples import Floats

_FIRST_FITS = (1, 2, 4, *range(7, 85, 7))  # days of history
_REFIT_DAYS = 28
_LEARN_DAYS = 366
_DOUBTED = 0.5  # intervals from this score on are not learned from
_MATURE_DAYS = 84
_YOUNG_DOUBTED = 0.8
_YOUNG_DOUBT_DAYS = 21


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A judged history: the scores, and the detector learned from all of it, for what comes next."""

    scores: Scores
    detector: Detector


def judge(week: Week, curve: LoadCurve, carrier: Carrier | None = None) -> Judged:
    """Score every interval of the curve, with a detector that is learned anew as the history grows.

    Causal: the score of an interval does not change with what comes after it.
    """
    slots = week.slots(curve.start_us, curve.step_us)
    scores = Scores.none(0)
    for begin, end in _stretches(curve):
        detector = learn(curve.part(0, begin), slots.part(0, begin), scores.score, carrier)
        lead = min(begin, LEAD_IN_US // curve.step_us)
        now = (begin - lead, end)
        scores = Scores.join((scores, detector.score(curve.part(*now), slots.part(*now)).after(lead)))
    return Judged(scores, learn(curve, slots, scores.score, carrier))


def learn(curve: LoadCurve, slots: WeekSlots, score: Floats, carrier: Carrier | None = None) -> Detector:
    """A detector from the last year of a history and what it was scored with.

    Intervals that looked wrong are left out. In the first weeks less is known of what is wrong, so then it must have
    looked very wrong and be recent. And a change that lasts becomes the new normal: if more than half of the last four
    weeks looked wrong, all of these weeks are learned from.
    """
    day = DAY // curve.step_us if curve.step_us <= DAY else 1
    position = np.arange(len(curve))
    young = position < _MATURE_DAYS * day
    known_well = position >= _REFIT_DAYS * day
    recent_enough = position >= len(curve) - _YOUNG_DOUBT_DAYS * day
    doubted = np.where(young, known_well & recent_enough & (score >= _YOUNG_DOUBTED), score >= _DOUBTED)
    recent = slice(max(0, len(curve) - _REFIT_DAYS * day), len(curve))
    known = np.isfinite(curve.values[recent])
    if known.any() and doubted[recent][known].mean() > 0.5:
        doubted[recent] = False
    past = (len(curve) - _LEARN_DAYS * day, len(curve))
    learned = curve.with_values(np.where(doubted, np.nan, curve.values))
    return Detector.fit(learned.part(*past), slots.part(*past), carrier)


def _stretches(curve: LoadCurve) -> Iterator[tuple[int, int]]:
    """Half-open ranges of positions between two fits."""
    fits = [0, *_FIRST_FITS, *range(_FIRST_FITS[-1] + _REFIT_DAYS, int(curve.days) + 1, _REFIT_DAYS)]
    begins = sorted({min(day * DAY // curve.step_us, len(curve)) for day in fits} | {len(curve)})
    yield from pairwise(begins)
