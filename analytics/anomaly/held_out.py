"""What is learned from meters as judged by trees that never saw them: the second judgement, and the calibration."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from analytics.anomaly.classifier import LASTING_DEPTH, weigh
from analytics.anomaly.course import course
from analytics.anomaly.detector import announce, surprises
from analytics.anomaly.spoiled import TrainingMeter, drawn, spoiled
from analytics.anomaly.trees import Growth, Singles, Trees
from analytics.anomaly.week import Bools, Week
from metering.instant import DAY, HOUR
from metering.samples import Floats, Int64s

_ROUNDS = 60
_HOURS_A_ROW = 8
_MONTH_H = 730.5


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """One spoiled history, shape (n,): first log-odds, the loudest of the statistics, and what is known (`spoiled`)."""

    meter: TrainingMeter
    seed: int
    log_odds: Floats
    loudest: Floats
    kind: Int64s

    @classmethod
    def of(cls, week: Week, meter: TrainingMeter, seed: int, trees: Trees) -> "HeldOut":
        """Judge the history by trees that never saw the meter."""
        seen, kind = spoiled(week, meter, seed)
        odds = trees.sums(seen.symptoms.rows)[:, 0].astype(np.float64)
        return cls(meter, seed, odds, surprises(seen.trace).max(axis=0), kind)

    @property
    def course(self) -> Singles:
        return course(self.log_odds, self.loudest, self.meter.curve.step_us)

    @property
    def normal(self) -> Bools:
        """Known to be neither a fault nor within a day after one."""
        fault = np.concatenate((self.kind > 0, np.zeros(1, bool)))
        index = np.arange(len(self.kind))
        last = np.maximum.accumulate(np.where(self.kind > 0, index, -len(self.kind)))
        found: Bools = (self.kind == 0) & (index - last > round(DAY / self.meter.curve.step_us)) & ~fault[1:]
        return found


def fit_lasting(found: Iterable[HeldOut]) -> Trees:
    """Fault or not, by the course of the first judgement."""
    rows, kinds = [], []
    for each in found:
        chosen = drawn(each.meter, each.kind, each.seed, _HOURS_A_ROW)
        rows.append(each.course[chosen])
        kinds.append(each.kind[chosen])
    growth = Growth(rounds=_ROUNDS, depth=LASTING_DEPTH, leaf=300, features=0.4)
    return Trees.grown(np.concatenate(rows), np.concatenate(kinds) > 0, growth)


def calibrate(found: Iterable[HeldOut], lasting: Callable[[TrainingMeter], Trees]) -> Floats:
    """Log-odds, and minus the log of false alarms per meter and month from them on, shape (2, points).

    One standard error of the meters is added to the false alarms: few meters were seen, and others shall hold it, too.
    ``lasting``: the trees of the second judgement that never saw the meter.
    """
    use = [_Quiet(each, weigh(lasting(each.meter), each.course, each.loudest), each.normal) for each in found]
    everything = np.sort(np.concatenate([each.log_odds[each.normal] for each in use]))
    shares = 1 - np.geomspace(0.5, 2e-5, 25)
    odds = np.unique(everything[(shares * (len(everything) - 1)).astype(np.int64)])
    meters, meter = np.unique([each.held.meter.id for each in use], return_inverse=True)
    months = np.bincount(meter, [each.normal.sum() * each.step_us / HOUR / _MONTH_H for each in use])
    alarms = np.stack([np.bincount(meter, [each.false_alarms(limit) for each in use]) for limit in odds])
    rate = alarms.sum(axis=1) / months.sum()
    spread = ((alarms - rate[:, None] * months) ** 2).sum(axis=1) * len(meters) / max(len(meters) - 1, 1)
    falling = np.minimum.accumulate(np.maximum(rate + np.sqrt(spread) / months.sum(), 0.5 / months.sum()))
    surprise = -np.log(falling)
    rising = np.maximum.accumulate(surprise + np.arange(len(odds)) * 1e-3)  # ranks stay ranks
    return np.stack((odds, rising))


@dataclass(frozen=True, slots=True, eq=False)
class _Quiet:
    """The final log-odds of a history, and where they ought to be low."""

    held: HeldOut
    log_odds: Floats
    normal: Bools

    @property
    def step_us(self) -> int:
        return self.held.meter.curve.step_us

    def false_alarms(self, limit: float) -> int:
        rows = np.flatnonzero(announce(self.log_odds >= limit, self.step_us) & self.normal)
        return int((np.diff(rows) * self.step_us > 6 * HOUR).sum()) + 1 if len(rows) else 0
