"""The evidence on a meter as one calibrated score, a kind, and a decision.

Three voices. *Rules* know at once what needs no expectation: gap, negative, stuck. *Statistics* are measured by the
meter's own history (how far beyond its 99 % quantile) and decide what the model does not learn from. The *classifier*
saw made faults at many meters and weighs all symptoms, and what the other two say where they would alarm alone. The
score is ``1 / (1 + false alarms per meter and month)`` from such a weight on. So 0.5 is an alarm that one meter raises
falsely once a month, 0.8 four times rarer, and a budget of false alarms is a threshold.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import NamedTuple, Self

import numpy as np

from analytics.anomaly import course, rules
from analytics.anomaly.classifier import Classifier, classifier
from analytics.anomaly.curve import LoadCurve
from analytics.anomaly.evidence import evidence
from analytics.anomaly.model import ExpectedModel
from analytics.anomaly.naming import KINDS, likeliest, told_apart
from analytics.anomaly.symptoms import Symptoms
from analytics.anomaly.trace import Trace
from analytics.anomaly.usual import Usual
from analytics.anomaly.week import Bools, WeekSlots
from metering.estate import Carrier
from metering.instant import DAY
from metering.samples import Floats, Int64s


class Sensitivity(NamedTuple):
    """How a statistic becomes a false alarm rate: one a month at ``monthly``, e times rarer at ``rare``."""

    kind: str
    monthly: float
    rare: float


_SENSITIVITIES: Mapping[str, Sensitivity] = MappingProxyType(
    {
        # rules: multiples of the limit, or hours missing
        "gap": Sensitivity("gap", 0.5, 0.6),
        "negative": Sensitivity("negative", 0.1, 0.15),
        "stuck": Sensitivity("stuck", 1.1, 1.5),
        # against the expectation: multiples of the meter's own 99 % quantile
        "high": Sensitivity("spike", 2.3, 4.0),
        "low": Sensitivity("drop", 2.6, 3.4),
        "fraction": Sensitivity("drop", 2.7, 3.6),
        "high_1d": Sensitivity("high", 1.6, 2.0),
        "high_3d": Sensitivity("high", 1.6, 2.0),
        "low_1d": Sensitivity("low", 1.4, 2.0),
        "low_3d": Sensitivity("low", 2.0, 3.2),
        "less_1d": Sensitivity("low", 2.0, 2.7),
        "flow_2d": Sensitivity("leak", 2.3, 3.0),
    }
)
RULES = ("gap", "negative", "stuck")  # they come first above
_BOUNDS = (("low", -1), ("high", 1))
_SHORT_US = 14 * DAY
"""Before this much history, two weekends, nothing counts as unusual; then limits are doubled, and less and less so."""


NEWS = 4.0
"""An alert this many times rarer than it was when told is told again."""


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Per interval, shape (n,): see the module for ``score``; ``kinds`` are positions in
    `naming.KINDS`, 0 below 0.5.

    ruled   the score by the rules alone; ``kinds`` names the rule where it is 0.5 or more
    expected, lower, upper are in the billing unit; outside lower..upper a single interval would reach score 0.5. NaN
    as long as there is not enough history.
    """

    score: Floats
    kinds: Int64s
    ruled: Floats
    expected: Floats
    lower: Floats
    upper: Floats

    def __len__(self) -> int:
        return len(self.score)

    def after(self, count: int) -> Self:
        """Without the first ``count`` intervals."""
        return self.part(count, len(self))

    def part(self, begin: int, end: int) -> Self:
        """The intervals with positions ``begin`` to before ``end``."""
        return type(self)(*(getattr(self, each.name)[begin:end] for each in fields(self)))

    @classmethod
    def none(cls, count: int) -> Self:
        """Nothing unusual, nothing expected."""
        unknown = np.full(count, np.nan)
        return cls(np.zeros(count), np.zeros(count, np.int64), np.zeros(count), unknown, unknown, unknown)

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """One after the other."""
        return cls(*(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(cls)))


@dataclass(frozen=True, slots=True, eq=False)
class Detector:
    """What was learned about one meter. Small, immutable, picklable."""

    model: ExpectedModel
    stuck_limits: rules.StuckLimits
    usual: Mapping[str, tuple[float, float]]
    """Median and distance from it to the 99 % quantile of each statistic, the latter widened for short histories."""
    carrier: Carrier | None
    own: Usual | None = None
    """The meter's usual symptoms; None while only the model is needed."""

    @classmethod
    def fit(cls, curve: LoadCurve, slots: WeekSlots, carrier: Carrier | None = None) -> Self:
        """Learn from the past; missing values are left out. ``slots`` are the times of week of the same intervals."""
        model = ExpectedModel.fit(curve, slots)
        found = evidence(curve, model.expect(curve, slots), model.level)
        length = len(curve) * curve.step_us
        caution = 1 + _SHORT_US / length if length >= _SHORT_US else math.inf
        usual = {name: _usual(statistic, caution) for name, statistic in found.items()}
        return cls(model, rules.StuckLimits.fit(curve.values, curve.step_us, caution), usual, carrier)

    def trace(self, curve: LoadCurve, slots: WeekSlots) -> Trace:
        """What the model says of consecutive intervals; the first three days serve the later ones as history."""
        expectation = self.model.expect(curve, slots)
        found = evidence(curve, expectation, self.model.level)
        strength = {name: self._relative(name, statistic) for name, statistic in found.items()}
        least, most = self.model.ordinary
        is_ordinary = (curve.values >= least) & (curve.values <= most)
        for name in ("high", "low", "fraction"):
            strength[name] = np.where(is_ordinary, np.minimum(strength[name], 1.0), strength[name])
        strength["gap"] = rules.gap(curve.values, curve.step_us)
        strength["negative"] = rules.negative(curve.values)
        strength["stuck"] = rules.stuck(curve.values, self.stuck_limits)
        low, high = (expectation.expected + sign * self._band(name) * expectation.scale for name, sign in _BOUNDS)
        return Trace.of(
            self.model,
            expectation,
            slots,
            np.stack([strength[name] for name in _SENSITIVITIES]),
            np.stack((np.minimum(low, least), np.maximum(high, most))),
        )

    def score(self, curve: LoadCurve, slots: WeekSlots, lead: int = 0) -> Scores:
        """Judge consecutive intervals after the first ``lead``, which serve the later ones as history.

        Causal: what is said of an interval depends on it and earlier ones alone.
        """
        trace = self.trace(curve, slots)
        early = max(lead - course.LEAD_IN_US // curve.step_us, 0)  # symptoms look further back than what judges them
        symptoms, trace = Symptoms.of(curve, slots, trace).after(early), trace.after(early)
        comparable = symptoms.comparable
        own = self.own or Usual.unknown(comparable.shape[1])
        symptoms = symptoms.beside(comparable, [(slice(None), own)])
        return judge_symptoms(trace, symptoms, curve.step_us, self.carrier, classifier()).after(lead - early)

    def _relative(self, name: str, statistic: Floats) -> Floats:
        median, spread = self.usual[name]
        return np.where(np.isfinite(statistic), (statistic - median) / spread, 0.0)

    def _band(self, name: str) -> float:
        """The deviation of a single interval at which its statistic alone reaches score 0.5."""
        median, spread = self.usual[name]
        return median + _SENSITIVITIES[name].monthly * spread


def doubts(trace: Trace) -> Floats:
    """The score by rules and statistics alone, shape (n,): from 0.5 on the model does not learn from an interval."""
    loudest: Floats = 1 / (1 + np.exp(-surprises(trace).max(axis=0)))
    return loudest


def judge_symptoms(
    trace: Trace, symptoms: Symptoms, step_us: int, carrier: Carrier | None, learned: Classifier
) -> Scores:
    """The scores of consecutive intervals that showed these symptoms."""
    said = surprises(trace)
    loudest, ruled = said.max(axis=0), said[: len(RULES)]
    rule, plain = ruled.argmax(axis=0), ruled.max(axis=0)
    weighed = learned.surprise(learned.log_odds(symptoms, loudest, step_us))
    young = trace.days * DAY < _SHORT_US  # too little is known to weigh: only rules speak
    score = 1 / (1 + np.exp(-np.where(young, plain, weighed)))
    kinds = np.where(plain >= 0, np.array([KINDS.index(name) for name in RULES])[rule], 0)
    unnamed = np.flatnonzero((score >= 0.5) & (kinds == 0))
    kinds[unnamed] = likeliest(symptoms, unnamed, carrier, learned, step_us)
    known = trace.days > 0
    return Scores(
        score,
        told_apart(kinds, symptoms, carrier, step_us),
        1 / (1 + np.exp(-plain)),
        np.where(known, trace.expected, np.nan),
        np.where(np.isfinite(trace.bounds[0]), np.maximum(trace.bounds[0], 0.0), np.nan),
        np.where(np.isfinite(trace.bounds[1]), trace.bounds[1], np.nan),
    )


def surprises(trace: Trace) -> Floats:
    """Minus the log of the false alarms per meter and month, shape (statistics, n)."""
    return np.stack([_surprise(name, row) for name, row in zip(_SENSITIVITIES, trace.strength, strict=True)])


def _usual(statistic: Floats, caution: float) -> tuple[float, float]:
    known = statistic[np.isfinite(statistic)]
    if not len(known):
        return 0.0, np.inf
    last = len(known) - 1
    half, most = last // 2, round(0.99 * last)
    known.partition((half, most))
    median, high = float(known[half]), float(known[most])
    return median, max(high - median, 1e-9) * caution


def _surprise(name: str, strength: Floats) -> Floats:
    """Minus the log of the false alarms per meter and month at this strength."""
    _, monthly, rare = _SENSITIVITIES[name]
    surprise: Floats = np.log(np.maximum(strength, 1e-6) / monthly) / math.log(rare / monthly)
    return surprise


def threshold(alarm_budget: float) -> float:
    """The score from which on to alarm for at most ``alarm_budget`` false alarms per meter and month."""
    return 1 / (1 + alarm_budget)


def rarity(score: Floats) -> Floats:
    """The months of one meter that go by until chance shows such a score, shape (n,)."""
    found: Floats = score / np.maximum(1 - score, 1e-12)
    return found


def decide(score: Floats, alarm_budget: float, *, hold: float = 0.5) -> Bools:
    """Alert or not, with hysteresis: on from the threshold, off when the score falls under ``hold`` of it.

    Causal. A statistic that reaches the threshold has lasted as long as it takes; no further delay is added.
    """
    limit = threshold(alarm_budget)
    on, stay = score >= limit, score >= hold * limit
    index = np.arange(len(score))
    last_on = np.maximum.accumulate(np.where(on, index, -1))
    last_off = np.maximum.accumulate(np.where(stay, -1, index))
    return last_on > last_off


def of_rules(scores: Scores) -> Mapping[str, Floats]:
    """The score of each rule alone, shape (n,), 0 where another kind is named."""
    return {name: np.where(scores.kinds == KINDS.index(name), scores.ruled, 0.0) for name in RULES}


def told(scores: Scores, step_us: int, alarm_budget: float) -> Bools:
    """What is told to people: alerts as they are announced, and each rule's fault within one as news of its own.

    That a meter has gone silent is nothing that an alert on its base load says.
    """
    alert = decide(scores.score, alarm_budget)
    news = announce(alert, step_us, scores.score)
    for score in of_rules(scores).values():
        news |= alert & announce(decide(score, alarm_budget), step_us)
    return news


def announce(alert: Bools, step_us: int, score: Floats | None = None) -> Bools:
    """The first day of every alert: what is told to people once. An alert that returns within a day is the same one.

    By the ``score`` an alert is told again, for a day, when it becomes four times rarer than it was when told: a gap
    is news in a meter that drifts.
    """
    told = np.zeros(len(alert), bool)
    day = max(DAY // step_us, 1)
    odds = rarity(score) if score is not None else np.zeros(len(alert))
    rows = np.flatnonzero(alert)
    for one in np.split(rows, np.flatnonzero(np.diff(rows) > day) + 1):
        news, rarest = one, 0.0
        while len(news):
            first_day = news[news - news[0] < day]
            told[first_day] = True
            rarest = max(rarest, float(odds[first_day].max()))
            later = news[len(first_day) :]
            rarer = later[odds[later] >= NEWS * rarest] if score is not None else later[:0]
            news = later[later >= rarer[0]] if len(rarer) else rarer
    return told
