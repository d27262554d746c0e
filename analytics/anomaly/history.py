"""A whole history judged the way it would have been judged live: each interval by what was known up to it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from analytics.anomaly.classifier import Classifier, classifier
from analytics.anomaly.curve import LoadCurve
from analytics.anomaly.detector import Detector, Scores, doubts, judge_symptoms
from analytics.anomaly.evidence import LEAD_IN_US
from analytics.anomaly.symptoms import Symptoms
from analytics.anomaly.trace import Trace
from analytics.anomaly.usual import Usual
from analytics.anomaly.week import Week, WeekSlots
from metering.estate import Carrier
from metering.instant import DAY
from metering.samples import Floats

_FIRST_FITS = (1, 2, 4, 7, 14, 21, 28, 42, 56, 84)  # days of history
_REFIT_DAYS = 28
_LEARN_DAYS = 366
_SETTLED_DAYS = 14  # symptoms of the first days say little
_OWN_DAYS = 21
_DOUBTED = 0.5  # intervals from this score on are not learned from
_MATURE_DAYS = 84
_YOUNG_DOUBTED = 0.8
_YOUNG_DOUBT_DAYS = 21


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A judged history: the scores, and the detector learned from all of it, for what comes next."""

    scores: Scores
    detector: Detector


def judge(week: Week, curve: LoadCurve, carrier: Carrier | None = None, learned: Classifier | None = None) -> Judged:
    """Score every interval of the curve, with a detector that is learned anew as the history grows.

    Causal: the score of an interval does not change with what comes after it.
    """
    seen = observe(week, curve, carrier)
    detector = learn(curve, week.slots(curve.start_us, curve.step_us), seen.doubt, carrier)
    return Judged(_weigh(seen, curve.step_us, carrier, learned), detector)


def score(week: Week, curve: LoadCurve, carrier: Carrier | None = None, learned: Classifier | None = None) -> Scores:
    """The scores of `judge` alone, where nothing comes next."""
    return _weigh(observe(week, curve, carrier), curve.step_us, carrier, learned)


def _weigh(seen: "Observed", step_us: int, carrier: Carrier | None, learned: Classifier | None) -> Scores:
    return judge_symptoms(seen.trace, seen.symptoms, step_us, carrier, learned or classifier())


@dataclass(frozen=True, slots=True, eq=False)
class Observed:
    """A history as it was seen live: what the models said, how much each interval was doubted, and the symptoms."""

    trace: Trace
    doubt: Floats
    symptoms: Symptoms


def observe(week: Week, curve: LoadCurve, carrier: Carrier | None = None) -> Observed:
    """Go through the history as it went by; causal."""
    slots = week.slots(curve.start_us, curve.step_us)
    stretches = list(_stretches(curve))
    trace, doubt = _walk(curve, slots, stretches, carrier)
    symptoms = Symptoms.of(curve, slots, trace)
    comparable = symptoms.comparable
    yardsticks = (
        (slice(begin, end), _yardstick(comparable[:begin], doubt[:begin], curve.step_us)) for begin, end in stretches
    )
    return Observed(trace, doubt, symptoms.beside(comparable, yardsticks))


def _walk(
    curve: LoadCurve, slots: WeekSlots, stretches: Sequence[tuple[int, int]], carrier: Carrier | None
) -> tuple[Trace, Floats]:
    """What the models said of each interval, learned anew before each stretch, and how much each is doubted."""
    doubt: Floats = np.zeros(0)
    traces = []
    for begin, end in stretches:
        detector = _fitted(curve.part(0, begin), slots.part(0, begin), doubt, carrier)
        lead = min(begin, LEAD_IN_US // curve.step_us)
        traces.append(detector.trace(curve.part(begin - lead, end), slots.part(begin - lead, end)).after(lead))
        doubt = np.concatenate((doubt, doubts(traces[-1])))
    return Trace.join(traces), doubt


def _yardstick(rows: NDArray[np.float32], doubt: Floats, step_us: int) -> Usual:
    begin = max(_SETTLED_DAYS * DAY // step_us, len(rows) - _LEARN_DAYS * DAY // step_us)
    if len(rows) * step_us < _OWN_DAYS * DAY:
        return Usual.unknown(rows.shape[1])
    return Usual.of(rows[begin:], doubt[begin:] < _DOUBTED, step_us)


def learn(curve: LoadCurve, slots: WeekSlots, score: Floats, carrier: Carrier | None = None) -> Detector:
    """A detector from the last year of a history and what it was scored with (or doubted), for what comes next."""
    detector = _fitted(curve, slots, score, carrier)
    past = (len(curve) - _LEARN_DAYS * DAY // curve.step_us, len(curve))
    curve, slots, score = curve.part(*past), slots.part(*past), score[max(past[0], 0) :]
    symptoms = Symptoms.of(curve, slots, detector.trace(curve, slots))
    return replace(detector, own=_yardstick(symptoms.comparable, score, curve.step_us))


def _fitted(curve: LoadCurve, slots: WeekSlots, score: Floats, carrier: Carrier | None) -> Detector:
    """Model and statistics, without a yardstick.

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
