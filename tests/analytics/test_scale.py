"""Many meters: the same results from memory, from worker processes and from a cluster, and no stale memory."""

import sys
from collections.abc import Iterator

import numpy as np
import pytest
from distributed import LocalCluster

from analytics.anomaly.curve import LoadCurve
from analytics.anomaly.detector import Detector
from analytics.anomaly.history import learn
from analytics.anomaly.week import Week
from analytics.energy.intervals import Intervals
from analytics.tails import Tails
from analytics.update import Update, updated
from analytics.workers import SchedulerError, require_extra, workers
from metering.estate import Carrier, Meter, Role
from metering.instant import DAY, QUARTER_HOUR, Window, parse
from tests.servers import free_port

WEEK = Week()
BEGIN = parse("2026-08-01T00:00:00Z")
STEP = QUARTER_HOUR


def intervals(first: int, values: list[float] | np.ndarray[tuple[int], np.dtype[np.float64]]) -> Intervals:
    starts = BEGIN + (first + np.arange(len(values), dtype=np.int64)) * STEP
    return Intervals.of(starts, STEP, np.asarray(values, np.float64))


@pytest.fixture(scope="module")
def updates() -> list[Update]:
    """Six meters with one new quarter-hour each; the third has a leak since two days."""
    noise = np.random.default_rng(3)
    made = []
    for number in range(6):
        values = noise.gamma(4, 0.25, 60 * 96)
        values[:: 7 + number] = 0.0
        if number == 2:
            values[-192:] += 3.0
        whole = intervals(0, values)
        slots = WEEK.slots(whole.start_us, STEP)
        detector: Detector = learn(LoadCurve.of(whole), slots, np.zeros(len(whole)), Carrier.WATER)
        meter = Meter(f"m{number}", "m", "b", Carrier.WATER, Role.SUPPLY, "d", "water_volume")
        last = Window(BEGIN + (60 * 96 - 1) * STEP, BEGIN + 60 * DAY)
        known = Window(BEGIN + 10 * DAY, last.start_us)
        stored = intervals(10 * 96, np.append(whole.within(known).consumption, np.nan))
        made.append(Update(meter, detector, whole.within(last), stored, None))
    return made


def digits(updates: list[Update], scheduler: str | None) -> Iterator[bytes]:
    """Every number of every result, byte for byte."""
    with workers(scheduler) as executor:
        pending = [executor.submit(updated, [update], WEEK) for update in updates]
        for future in pending:
            for found in future.result(timeout=120):
                scores = found.scores
                for array in (scores.score, scores.kinds, scores.expected, scores.lower, scores.upper):
                    yield array.tobytes()


def test_a_cluster_gives_the_same_results_to_the_digit(updates: list[Update]) -> None:
    here = [
        array.tobytes()
        for found in updated(updates, WEEK)
        for array in (
            found.scores.score,
            found.scores.kinds,
            found.scores.expected,
            found.scores.lower,
            found.scores.upper,
        )
    ]
    assert updated(updates, WEEK)[2].scores.score[-1] > 0.5, "there is something to find"
    with LocalCluster(  # type: ignore[no-untyped-call]
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        assert list(digits(updates, cluster.scheduler_address)) == here
    assert list(digits(updates, None)) == here


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ValueError, match=r"pip install 'leitwarte\[dask\]'"):
        require_extra()


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analytics.workers._PATIENCE_S", 0.5)
    address = f"tcp://127.0.0.1:{free_port()}"
    with pytest.raises(SchedulerError, match=address), workers(address):
        pass


def test_memory_gives_back_what_was_kept_and_pads_what_is_to_come() -> None:
    tails = Tails(STEP, 1)
    tails.keep("m", intervals(0, [1, 2, 3, 4]))
    found = tails.find("m", Window(BEGIN + STEP, BEGIN + 6 * STEP))
    assert found is not None
    np.testing.assert_array_equal(found.consumption, [2, 3, 4, np.nan, np.nan])
    np.testing.assert_array_equal(found.completeness, [1, 1, 1, 0, 0])
    assert tails.find("m", Window(BEGIN - STEP, BEGIN + 4 * STEP)) is None
    assert tails.find("other", Window(BEGIN, BEGIN + STEP)) is None


def test_memory_moves_on_with_new_results_and_keeps_its_length() -> None:
    tails = Tails(STEP, 1)
    tails.keep("m", intervals(0, [1, 2, 3, 4]))
    tails.replace("m", intervals(3, [40, 50]))
    found = tails.find("m", Window(BEGIN + STEP, BEGIN + 5 * STEP))
    assert found is not None
    np.testing.assert_array_equal(found.consumption, [2, 3, 40, 50])
    assert tails.find("m", Window(BEGIN, BEGIN + 5 * STEP)) is None


def test_memory_forgets_a_meter_whose_past_has_changed() -> None:
    tails = Tails(STEP, 1)
    tails.keep("m", intervals(0, [1, 2, 3, 4]))
    tails.replace("m", intervals(1, [20]))
    assert tails.find("m", Window(BEGIN, BEGIN + 4 * STEP)) is None


def test_memory_is_bounded() -> None:
    tails = Tails(STEP, 1)
    for number in range(30):
        tails.keep(f"m{number}", intervals(0, np.ones(5000)))
    kept = [tails.find(f"m{number}", Window(BEGIN, BEGIN + STEP)) is not None for number in range(30)]
    assert sum(kept) == (1 << 20) // 40_000
