"""Train the classifier on meters' own clean history with faults put into it (`inject`): no labels are needed.

Deterministic: the same meters give the same classifier.
"""

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from analytics.anomaly.classifier import DEPTH, KIND_DEPTH, Classifier, weigh
from analytics.anomaly.curve import LoadCurve
from analytics.anomaly.detector import announce, surprises
from analytics.anomaly.evidence import run_lengths
from analytics.anomaly.history import Observed, observe
from analytics.anomaly.inject import FAULTS, Injection, inject
from analytics.anomaly.trees import Trees
from analytics.anomaly.week import Bools, Week
from metering.estate import Carrier
from metering.instant import DAY, HOUR
from metering.samples import Floats, Int64s

FOLDS = 4
_SEEDS = (1, 2, 3)
_CALIBRATION_SEED = 4
_ROUNDS, _KIND_ROUNDS = 90, 8
_HOURS_A_ROW = 20  # of normal time and long faults; of short faults a fifth of the rows, they are few
_SHORT_FAULTS = ("stuck", "spike", "backwards", "unit")
_BEGIN_DAYS = 30
_CONTEXT = ("hour", "weekday", "expected", "learned_days", "contrast", "noise", "scale", "step_h")
_MONTH_H = 730.5
_UNKNOWN = -1
_RULED = ("gap", "backwards", "stuck")  # kinds that rules tell
_KINDS: Mapping[str, str] = MappingProxyType({"backwards": "negative"})


@dataclass(frozen=True, slots=True, eq=False)
class TrainingMeter:
    """A meter with a history that is mostly sound. ``id`` decides its fold and its faults."""

    id: str
    curve: LoadCurve
    carrier: Carrier


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Rows of one meter to learn from. kind: position in `inject.FAULTS`, plus one; 0 is normal."""

    meter: TrainingMeter
    names: tuple[str, ...]
    rows: NDArray[np.float32]
    kind: Int64s


def folds(meters: Sequence[TrainingMeter]) -> Mapping[str, int]:
    """Which fold each meter belongs to: dealt out in turn within a carrier, so that each fold has some of all."""
    dealt: dict[str, int] = {}
    for carrier in Carrier:
        ids = sorted((m.id for m in meters if m.carrier is carrier), key=lambda name: zlib.crc32(name.encode()))
        dealt.update({name: number % FOLDS for number, name in enumerate(ids)})
    return dealt


def samples(week: Week, meter: TrainingMeter) -> Sample:
    """Rows of the meter's history, spoiled in several ways."""
    parts = [_sample(week, meter, seed) for seed in _SEEDS]
    return Sample(
        meter,
        parts[0].names,
        np.concatenate([part.rows for part in parts]),
        np.concatenate([part.kind for part in parts]),
    )


def _sample(week: Week, meter: TrainingMeter, seed: int) -> Sample:
    seen, kind = _spoiled(week, meter, seed)
    symptoms = seen.symptoms
    hours = meter.curve.step_us / HOUR
    rng = np.random.default_rng((seed, zlib.crc32(meter.id.encode()), 1))
    draw = rng.random(len(kind))
    short = np.isin(kind, [FAULTS.index(name) + 1 for name in _SHORT_FAULTS])
    keep = (kind != _UNKNOWN) & (draw < np.where(short, 0.2, hours / _HOURS_A_ROW))
    return Sample(meter, symptoms.names, symptoms.rows[keep], kind[keep])


def _spoiled(week: Week, meter: TrainingMeter, seed: int) -> tuple[Observed, Int64s]:
    """The spoiled history as it was seen, and what each interval is: 0 normal, 1 … a fault, -1 not known.

    Every other time the first half stays sound, as the history of most meters is.
    """
    curve = meter.curve
    day = max(DAY // curve.step_us, 1)
    begin = len(curve) // 2 if seed % 2 == 0 else _BEGIN_DAYS * day
    spoiled, faults = inject(week, curve, meter.carrier, Injection((seed, zlib.crc32(meter.id.encode())), begin))
    kind = np.where(broken(curve, meter.carrier), _UNKNOWN, 0)
    kind[: max(begin - 60 * day, 28 * day)] = _UNKNOWN
    for fault in faults:
        after = slice(fault.end, fault.end + day // 2)  # what follows a fault is neither fault nor normal
        kind[after] = np.where(kind[after] == 0, _UNKNOWN, kind[after])
        kind[fault.begin : fault.end] = FAULTS.index(fault.kind) + 1
    return observe(week, spoiled, meter.carrier), kind


def broken(curve: LoadCurve, carrier: Carrier) -> Bools:
    """Intervals in which the history itself is broken: missing, or standing still for long."""
    values = curve.values
    runs = run_lengths(np.concatenate((np.zeros(1, bool), values[1:] == values[:-1])))
    ends = np.flatnonzero(np.concatenate((runs[1:] == 1, np.ones(1, bool))))
    hours = runs[ends][np.searchsorted(ends, np.arange(len(values)))] * (curve.step_us / HOUR)
    still = (values != 0) & (hours >= 24)
    if carrier is Carrier.ELECTRICITY:
        still |= (values == 0) & (hours >= 3)
    bad: Bools = still | ~np.isfinite(values)
    return bad


def fit_trees(found: Iterable[Sample]) -> Trees:
    """Fault or not. What sort of meter and hour it is stays out: few meters would be learned by heart."""
    from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415 - seconds, and only training needs it

    use = list(found)
    model = HistGradientBoostingClassifier(
        max_iter=_ROUNDS,
        learning_rate=0.08,
        max_bins=63,
        max_depth=DEPTH,
        max_leaf_nodes=None,
        min_samples_leaf=200,
        l2_regularization=10.0,
        max_features=0.2,
        early_stopping=False,
        random_state=0,
    )
    rows, kind = np.concatenate([each.rows for each in use]), np.concatenate([each.kind for each in use])
    columns = np.flatnonzero([name not in _CONTEXT for name in use[0].names])
    return Trees.of(model.fit(rows[:, columns], kind > 0), DEPTH, columns)


def fit_kinds(found: Iterable[Sample]) -> tuple[Trees, tuple[str, ...]]:
    """Which fault, of those that need more than a rule."""
    from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415

    use = list(found)
    kind = np.concatenate([each.kind for each in use])
    known = np.isin(kind, [number for number, name in enumerate(FAULTS, start=1) if name not in _RULED])
    model = HistGradientBoostingClassifier(
        max_iter=_KIND_ROUNDS,
        learning_rate=0.3,
        max_bins=63,
        max_depth=KIND_DEPTH,
        max_leaf_nodes=None,
        min_samples_leaf=50,
        early_stopping=False,
        class_weight="balanced",
        random_state=0,
    ).fit(np.concatenate([each.rows for each in use])[known], kind[known])
    return Trees.of(model, KIND_DEPTH), tuple(FAULTS[int(number) - 1] for number in model.classes_)


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """One meter as judged by trees that never saw it: log-odds of each interval, and which are known to be normal."""

    meter: TrainingMeter
    log_odds: Floats
    normal: Bools


def held_out(week: Week, meter: TrainingMeter, trees: Trees) -> HeldOut:
    """Judge a spoiled history of the meter."""
    seen, kind = _spoiled(week, meter, _CALIBRATION_SEED)
    hours = round(DAY / meter.curve.step_us)
    fault = np.concatenate((kind > 0, np.zeros(1, bool)))
    index = np.arange(len(kind))
    last = np.maximum.accumulate(np.where(kind > 0, index, -len(kind)))
    normal = (kind == 0) & (index - last > hours) & ~fault[1:]
    loudest = surprises(seen.trace).max(axis=0)
    return HeldOut(meter, weigh(trees, seen.symptoms, loudest), normal)


def calibrate(judged: Iterable[HeldOut]) -> Floats:
    """Log-odds, and minus the log of false alarms per meter and month from them on, shape (2, points)."""
    use = list(judged)
    months = sum(float(each.normal.sum()) * each.meter.curve.step_us / HOUR for each in use) / _MONTH_H
    everything = np.sort(np.concatenate([each.log_odds[each.normal] for each in use]))
    shares = 1 - np.geomspace(0.5, 2e-5, 25)
    odds = np.unique(everything[(shares * (len(everything) - 1)).astype(np.int64)])
    alarms = np.array([sum(_false_alarms(each, limit) for each in use) for limit in odds])
    falling = np.minimum.accumulate(np.maximum(alarms, 0.5)[::1])
    surprise = -np.log(falling / months)
    rising = np.maximum.accumulate(surprise + np.arange(len(odds)) * 1e-3)  # ranks stay ranks
    return np.stack((odds, rising))


def _false_alarms(judged: HeldOut, limit: float) -> int:
    step_us = judged.meter.curve.step_us
    rows = np.flatnonzero(announce(judged.log_odds >= limit, step_us) & judged.normal)
    return int((np.diff(rows) * step_us > 6 * HOUR).sum()) + 1 if len(rows) else 0


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """The classifier of all meters, and for each meter one that never saw it, to measure what to expect elsewhere."""

    classifier: Classifier
    unseen: Mapping[str, Classifier]


def train(
    week: Week,
    meters: Sequence[TrainingMeter],
    provenance: Mapping[str, str],
    progress: Callable[[float], None] | None = None,
) -> Trained:
    """Learn from these meters. Raises ValueError for fewer than four: then none could be held out to calibrate with."""
    if len(meters) < FOLDS:
        raise ValueError(f"{len(meters)} meters are too few to learn from; name at least {FOLDS}")
    told = _Steps(2 * len(meters) + 2 * FOLDS + 2, progress)
    found = [told.after(samples(week, meter)) for meter in meters]
    fold = folds(meters)
    by_fold = [[each for each in found if fold[each.meter.id] != number] for number in range(FOLDS)]
    trees = [told.after(fit_trees(others)) for others in by_fold]
    judged = [told.after(held_out(week, meter, trees[fold[meter.id]])) for meter in meters]

    def classifier(trees: Trees, learned: Sequence[Sample], calibrating: Iterable[HeldOut]) -> Classifier:
        kinds, names = told.after(fit_kinds(learned))
        kind_names = tuple(_KINDS.get(name, name) for name in names)
        return Classifier(found[0].names, trees, kinds, kind_names, calibrate(calibrating), provenance)

    unseen = [
        classifier(trees[number], by_fold[number], (each for each in judged if fold[each.meter.id] != number))
        for number in range(FOLDS)
    ]
    everything = classifier(told.after(fit_trees(found)), found, judged)
    return Trained(everything, MappingProxyType({name: unseen[number] for name, number in fold.items()}))


_Done = TypeVar("_Done")


@dataclass
class _Steps:
    """Tells how much of the work is done."""

    number: int
    progress: Callable[[float], None] | None
    done: int = 0

    def after(self, what: _Done) -> _Done:
        """Call it with what a step gave."""
        self.done += 1
        if self.progress:
            self.progress(self.done / self.number)
        return what
