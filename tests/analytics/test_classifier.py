"""The classifier: trees as plain arrays say what scikit-learn says; faults stay in their places."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier

from analytics.anomaly.classifier import SHIPPED, Classifier, classifier
from analytics.anomaly.course import WIDTH, course
from analytics.anomaly.curve import LoadCurve
from analytics.anomaly.history import judge, observe
from analytics.anomaly.inject import FAULTS, Injection, inject
from analytics.anomaly.naming import KINDS
from analytics.anomaly.spoiled import TrainingMeter
from analytics.anomaly.training import train
from analytics.anomaly.trees import Trees
from analytics.anomaly.usual import Usual
from analytics.anomaly.week import Week
from metering.estate import Carrier
from metering.instant import HOUR, parse

BERLIN = Week()
START = parse("2026-01-05T00:00:00Z")


def office(days: int, seed: int = 0) -> LoadCurve:
    rng = np.random.default_rng(seed)
    start = START + np.arange(days * 24) * HOUR
    off = BERLIN.slots(start, HOUR).off
    return LoadCurve(start, HOUR, np.where(off, 10.0, 30.0) + rng.normal(0, 0.7, len(start)))


@pytest.mark.parametrize("classes", [2, 4])
def test_exported_trees_say_what_scikit_learn_says(classes: int) -> None:
    rng = np.random.default_rng(classes)
    rows = rng.normal(size=(2000, 7)).astype(np.float32)
    rows[rng.random(rows.shape) < 0.2] = np.nan
    truth = (np.nan_to_num(rows[:, 0]) > 0).astype(int) + (classes > 2) * (np.isnan(rows[:, 3]) * 2)
    model = HistGradientBoostingClassifier(max_iter=12, max_depth=4, max_leaf_nodes=None).fit(rows, truth)
    trees = Trees.of(model, 5)
    unseen = rng.normal(size=(1500, 7)).astype(np.float32)
    unseen[rng.random(unseen.shape) < 0.3] = np.nan
    expected = model.decision_function(unseen).reshape(len(unseen), -1)
    np.testing.assert_allclose(trees.sums(unseen), expected, atol=1e-5)
    one_by_one = np.concatenate([trees.sums(unseen[n : n + 1]) for n in range(50)])
    np.testing.assert_array_equal(trees.sums(unseen)[:50], one_by_one)


def test_the_shipped_classifier_knows_its_symptoms_and_kinds(tmp_path: Path) -> None:
    shipped = classifier(SHIPPED)
    assert shipped.names == observe(BERLIN, office(5)).symptoms.names
    assert set(shipped.kind_names) <= set(KINDS)
    odds, surprise = shipped.calibration
    assert np.all(np.diff(odds) > 0)
    assert np.all(np.diff(surprise) > 0)
    assert shipped.provenance
    assert SHIPPED.stat().st_size < 1_000_000
    shipped.save(tmp_path / "again.npz")
    again = Classifier.load(tmp_path / "again.npz")
    np.testing.assert_array_equal(again.found.leaf, shipped.found.leaf)
    assert again.provenance == shipped.provenance


@pytest.mark.parametrize("content", [b"", b"no model", b"PK\x03\x04 broken"])
def test_a_file_that_is_no_classifier_is_named(content: bytes, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.npz"
    wrong.write_bytes(content)
    with pytest.raises(ValueError, match=r"wrong\.npz"):
        Classifier.load(wrong)


def test_trees_that_do_not_fit_together_are_refused(tmp_path: Path) -> None:
    shipped = classifier(SHIPPED)
    cut = replace(shipped.found, feature=shipped.found.feature[:-1])
    replace(shipped, found=cut).save(tmp_path / "wrong.npz")
    with pytest.raises(ValueError, match="do not fit together"):
        Classifier.load(tmp_path / "wrong.npz")


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), carrier=st.sampled_from(list(Carrier)))
def test_faults_change_their_places_and_nothing_else(seed: int, carrier: Carrier) -> None:
    sound = office(200)
    begin = 60 * 24
    spoiled, faults = inject(BERLIN, sound, carrier, Injection((seed,), begin))
    again, _ = inject(BERLIN, sound, carrier, Injection((seed,), begin))
    np.testing.assert_array_equal(spoiled.values, again.values)
    inside = np.zeros(len(sound), bool)
    for fault in faults:
        assert fault.kind in FAULTS
        assert begin <= fault.begin < fault.end <= len(sound)
        assert not inside[fault.begin : fault.end].any()
        inside[fault.begin : fault.end] = True
    np.testing.assert_array_equal(spoiled.values[~inside], sound.values[~inside])
    assert faults


def test_usual_is_learned_from_what_is_trusted() -> None:
    rng = np.random.default_rng(1)
    past = rng.normal(5, 2, (24 * 365, 3)).astype(np.float32)
    past[:, 2] = np.nan
    trusted = rng.random(len(past)) < 0.8
    past[~trusted, 0] = 1000
    usual = Usual.of(past, trusted, HOUR)
    assert usual.median[:2] == pytest.approx(5, abs=0.5)
    assert usual.spread[:2] == pytest.approx(2 * 2.05, rel=0.2)
    assert np.isnan(usual.relative(past)[:, 2]).all()


def test_the_course_looks_at_no_later_value_and_back_for_two_weeks() -> None:
    rng = np.random.default_rng(3)
    odds, loudest = rng.normal(0, 2, 1000), rng.normal(-1, 1, 1000)
    whole = course(odds, loudest, HOUR)
    assert whole.shape == (1000, WIDTH)
    np.testing.assert_array_equal(course(odds[:700], loudest[:700], HOUR), whole[:700])
    late = course(odds[300:], loudest[300:], HOUR)
    np.testing.assert_allclose(late[361:], whole[661:], atol=1e-5)


def test_training_learns_from_sound_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, less in [("_ROUNDS", 15), ("_KIND_ROUNDS", 2), ("_SEEDS", (1, 2)), ("_LATER_SEEDS", (3,))]:
        monkeypatch.setattr(f"analytics.anomaly.training.{name}", less)
    meters = [TrainingMeter(f"m{seed}", office(130, seed), Carrier.ELECTRICITY) for seed in range(4)]
    done: list[float] = []
    trained = train(BERLIN, meters, {"made": "here"}, done.append)
    assert done[-1] == pytest.approx(1.0)
    assert set(trained.unseen) == {meter.id for meter in meters}
    spoiled = office(130, seed=9)
    spoiled.values[100 * 24 : 105 * 24] *= 0.4
    score = judge(BERLIN, spoiled, Carrier.ELECTRICITY, trained.classifier).scores.score
    assert np.median(score[101 * 24 : 105 * 24]) > 2 * np.median(score[60 * 24 : 100 * 24])
    trained.classifier.save(tmp_path / "own.npz")
    assert Classifier.load(tmp_path / "own.npz").names == trained.classifier.names
    with pytest.raises(ValueError, match="3 meters are too few"):
        train(BERLIN, meters[:3], {})
