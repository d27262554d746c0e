"""Train the classifier on meters' own clean history with faults put into it (`inject`): no labels are needed.

The first trees learn from symptoms. The second learn from the course of what the first say of meters they never saw.

Deterministic: the same meters give the same classifier.
"""

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from analytics.anomaly.classifier import DEPTH, KIND_DEPTH, Classifier
from analytics.anomaly.held_out import HeldOut, calibrate, fit_lasting
from analytics.anomaly.inject import FAULTS
from analytics.anomaly.spoiled import TrainingMeter, drawn, spoiled
from analytics.anomaly.trees import Growth, Trees
from analytics.anomaly.week import Week
from metering.estate import Carrier
from metering.samples import Int64s

FOLDS = 4
_SEEDS = (1, 2, 3)
_LATER_SEEDS = (4, 5, 6)  # other faults for the second judgement and the calibration
_ROUNDS, _KIND_ROUNDS = 90, 8
_HOURS_A_ROW = 20
_CONTEXT = ("hour", "weekday", "expected", "learned_days", "contrast", "noise", "scale", "step_h")
_RULED = ("gap", "backwards", "stuck")  # kinds that rules tell
_KINDS: Mapping[str, str] = MappingProxyType({"backwards": "negative"})


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
    seen, kind = spoiled(week, meter, seed)
    keep = drawn(meter, kind, seed, _HOURS_A_ROW)
    return Sample(meter, seen.symptoms.names, seen.symptoms.rows[keep], kind[keep])


def fit_trees(found: Iterable[Sample]) -> Trees:
    """Fault or not. What sort of meter and hour it is stays out: few meters would be learned by heart."""
    use = list(found)
    rows, kind = np.concatenate([each.rows for each in use]), np.concatenate([each.kind for each in use])
    columns = np.flatnonzero([name not in _CONTEXT for name in use[0].names])
    growth = Growth(rounds=_ROUNDS, depth=DEPTH, leaf=200, features=0.2)
    return Trees.grown(rows[:, columns], kind > 0, growth, columns)


def fit_kinds(found: Iterable[Sample]) -> tuple[Trees, tuple[str, ...]]:
    """Which fault, of those that need more than a rule."""
    from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415 - seconds, and only training needs it

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
class Trained:
    """The classifier of all meters, and for each meter one that never saw it, to measure what to expect elsewhere."""

    classifier: Classifier
    unseen: Mapping[str, Classifier]


def train(
    week: Week,
    meters: Sequence[TrainingMeter],
    provenance: Mapping[str, str],
    progress: Callable[[float], None] | None = None,
    workers: Executor | None = None,
) -> Trained:
    """Learn from these meters, with ``workers`` (processes) if given: to the same digit.

    Raises ValueError for fewer than four meters: then none could be held out to calibrate with.
    """
    if len(meters) < FOLDS:
        raise ValueError(f"{len(meters)} meters are too few to learn from; name at least {FOLDS}")
    each = workers.map if workers else map
    told = _Steps(2 * len(meters) + 3 * FOLDS + 3, progress)
    found = told.after(each(partial(samples, week), meters))
    fold = folds(meters)
    by_fold = [*([sample for sample in found if fold[sample.meter.id] != number] for number in range(FOLDS)), found]
    trees = told.after(each(fit_trees, by_fold))
    kinds = told.after(each(fit_kinds, by_fold))
    held = told.after(each(partial(_held_out, week), meters, [trees[fold[meter.id]] for meter in meters]))
    judged = [history for histories in held for history in histories]
    elsewhere = [*([one for one in judged if fold[one.meter.id] != number] for number in range(FOLDS)), judged]
    lasting = told.after(each(fit_lasting, elsewhere))

    def classifier(number: int) -> Classifier:
        named, names = kinds[number]
        kind_names = tuple(_KINDS.get(name, name) for name in names)
        calibration = calibrate(elsewhere[number], lambda meter: lasting[fold[meter.id]])
        return Classifier(found[0].names, trees[number], lasting[number], named, kind_names, calibration, provenance)

    unseen = [classifier(number) for number in range(FOLDS)]
    return Trained(classifier(FOLDS), MappingProxyType({name: unseen[number] for name, number in fold.items()}))


def _held_out(week: Week, meter: TrainingMeter, trees: Trees) -> list[HeldOut]:
    return [HeldOut.of(week, meter, seed, trees) for seed in _LATER_SEEDS]


_Done = TypeVar("_Done")


@dataclass
class _Steps:
    """Tells how much of the work is done."""

    number: int
    progress: Callable[[float], None] | None
    done: int = 0

    def after(self, steps: Iterable[_Done]) -> list[_Done]:
        """What the steps give, each counted when it is done."""
        found = []
        for each in steps:
            found.append(each)
            self.done += 1
            if self.progress:
                self.progress(self.done / self.number)
        return found
