"""The evidence on a meter as one calibrated score, a kind, and a decision.

Every statistic is measured by the meter's own history (how far beyond its 99 % quantile), then turned into the rate at
which alarms of that strength were false on real meters: the score is ``1 / (1 + false alarms per meter and month)``.
So 0.5 is an alarm that one meter raises falsely once a month, 0.8 four times rarer, and a budget of false alarms is a
threshold. The rates were fitted on 31 real series (electricity, gas, water; buildings, companies, households) with
known faults.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import NamedTuple, Self

import numpy as np

from analytics.anomaly import rules
from analytics.anomaly.curve import LoadCurve
from analytics.anomaly.evidence import evidence
from analytics.anomaly.model import ExpectedModel, trailing_mean
from analytics.anomaly.week import Bools, WeekSlots
from metering.estate import Carrier
from metering.instant import DAY
from metering.samples import Floats, Int64s

KINDS = ("", "gap", "negative", "stuck", "spike", "drop", "high", "low", "leak", "base_load")
"""What may be wrong; ``Scores.kinds`` are positions in it."""


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
_RULES = ("gap", "negative", "stuck")  # they come first above
_SHORT_US = 14 * DAY
"""Before this much history, two weekends, nothing counts as unusual; then limits are doubled, and less and less so."""


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """Per interval, shape (n,): see the module for ``score``; ``kinds`` are positions in `KINDS`, 0 below 0.5.

    expected, lower, upper are in the billing unit; outside lower..upper a single interval would reach score 0.5. NaN
    as long as there is not enough history.
    """

    score: Floats
    kinds: Int64s
    expected: Floats
    lower: Floats
    upper: Floats

    def __len__(self) -> int:
        return len(self.score)

    def after(self, count: int) -> Self:
        """Without the first ``count`` intervals."""
        return type(self)(*(getattr(self, each.name)[count:] for each in fields(self)))

    @classmethod
    def none(cls, count: int) -> Self:
        """Nothing unusual, nothing expected."""
        unknown = np.full(count, np.nan)
        return cls(np.zeros(count), np.zeros(count, np.int64), unknown, unknown, unknown)

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

    @classmethod
    def fit(cls, curve: LoadCurve, slots: WeekSlots, carrier: Carrier | None = None) -> Self:
        """Learn from the past; missing values are left out. ``slots`` are the times of week of the same intervals."""
        model = ExpectedModel.fit(curve, slots)
        found = evidence(curve, model.expect(curve, slots), model.level)
        length = len(curve) * curve.step_us
        caution = 1 + _SHORT_US / length if length >= _SHORT_US else math.inf
        usual = {name: _usual(statistic, caution) for name, statistic in found.items()}
        return cls(model, rules.StuckLimits.fit(curve.values, curve.step_us, caution), usual, carrier)

    def score(self, curve: LoadCurve, slots: WeekSlots) -> Scores:
        """Judge consecutive intervals; the first three days serve the later ones as history.

        Causal: what is said of an interval depends on it and earlier ones alone.
        """
        expectation = self.model.expect(curve, slots)
        found = dict(evidence(curve, expectation, self.model.level))
        strength = {name: self._relative(name, statistic) for name, statistic in found.items()}
        strength["gap"] = rules.gap(curve.values, curve.step_us)
        strength["negative"] = rules.negative(curve.values)
        strength["stuck"] = rules.stuck(curve.values, self.stuck_limits)
        surprise = np.stack([_surprise(name, strength[name]) for name in _SENSITIVITIES])
        ruled = surprise[: len(_RULES)]
        best = np.where(ruled.max(axis=0) >= 0, ruled.argmax(axis=0), surprise.argmax(axis=0))  # a rule says it plainly
        kinds = np.array([KINDS.index(each.kind) for each in _SENSITIVITIES.values()])[best]
        top = surprise.max(axis=0)
        kinds = np.where(top >= 0, self._refine(kinds, found, slots), 0)
        lower = expectation.expected - self._band("low") * expectation.scale
        upper = expectation.expected + self._band("high") * expectation.scale
        return Scores(
            1 / (1 + np.exp(-top)),
            kinds,
            np.where(self.model.level > 0, expectation.expected, np.nan),
            np.where(np.isfinite(lower), np.maximum(lower, 0.0), np.nan),
            np.where(np.isfinite(upper), upper, np.nan),
        )

    def _relative(self, name: str, statistic: Floats) -> Floats:
        median, spread = self.usual[name]
        return np.where(np.isfinite(statistic), (statistic - median) / spread, 0.0)

    def _refine(self, kinds: Int64s, found: Mapping[str, Floats], slots: WeekSlots) -> Int64s:
        """Name by duration, time of week and carrier what the statistics alone cannot tell apart.

        A spike that has lasted for six hours is a rise, a drop a fall. A rise that shows at idle times only is a risen
        base load, and so is the leak of a dry carrier. A water or gas register that counts the same again and again,
        more than expected, is not stuck: something flows.
        """
        code = {kind: number for number, kind in enumerate(KINDS)}
        deviation = np.clip(np.nan_to_num(found["high"]), -4.0, 4.0)
        day = max(slots.count // 7, 1)
        lately = trailing_mean(deviation, max(day // 4, 1), 1.0)
        kinds = np.where((kinds == code["spike"]) & (lately > 2), code["high"], kinds)
        kinds = np.where((kinds == code["drop"]) & (lately < -2), code["low"], kinds)
        idle = trailing_mean(np.where(slots.off, deviation, 0.0), 3 * day, 0.0)
        busy = trailing_mean(np.where(slots.off, 0.0, deviation), 3 * day, 0.0)
        kinds = np.where((kinds == code["high"]) & (idle > 2 * np.maximum(busy, 0.0)), code["base_load"], kinds)
        if self.carrier in (Carrier.WATER, Carrier.GAS):
            return np.where((kinds == code["stuck"]) & (deviation > 0), code["leak"], kinds)
        if self.carrier in (Carrier.ELECTRICITY, Carrier.HEAT):
            return np.where(kinds == code["leak"], code["base_load"], kinds)
        return kinds

    def _band(self, name: str) -> float:
        """The deviation of a single interval at which its statistic alone reaches score 0.5."""
        median, spread = self.usual[name]
        return median + _SENSITIVITIES[name].monthly * spread


def _usual(statistic: Floats, caution: float) -> tuple[float, float]:
    known = statistic[np.isfinite(statistic)]
    if not len(known):
        return 0.0, np.inf
    median, high = (float(value) for value in np.quantile(known, (0.5, 0.99)))
    return median, max(high - median, 1e-9) * caution


def _surprise(name: str, strength: Floats) -> Floats:
    """Minus the log of the false alarms per meter and month at this strength."""
    _, monthly, rare = _SENSITIVITIES[name]
    surprise: Floats = np.log(np.maximum(strength, 1e-6) / monthly) / math.log(rare / monthly)
    return surprise


def threshold(alarm_budget: float) -> float:
    """The score from which on to alarm for at most ``alarm_budget`` false alarms per meter and month."""
    return 1 / (1 + alarm_budget)


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


def announce(alert: Bools, step_us: int) -> Bools:
    """The first day of every alert: what is told to people once. An alert that returns within a day is the same one."""
    told = np.zeros(len(alert), bool)
    rows = np.flatnonzero(alert)
    if len(rows):
        day = max(DAY // step_us, 1)
        begins = np.concatenate((np.ones(1, bool), np.diff(rows) > day))
        begin = rows[np.maximum.accumulate(np.where(begins, np.arange(len(rows)), 0))]
        told[rows[rows - begin < day]] = True
    return told
