"""The detector on curves whose truth is known, and on the development series with their published scorer's rules."""

import csv
import gzip
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.anomaly import rules
from analytics.anomaly.curve import LoadCurve
from analytics.anomaly.detector import Scores, announce, decide, threshold, told
from analytics.anomaly.evidence import trailing_least
from analytics.anomaly.history import judge
from analytics.anomaly.model import trailing_mean
from analytics.anomaly.naming import KINDS
from analytics.anomaly.week import Week
from metering.estate import Carrier
from metering.instant import DAY, HOUR, QUARTER_HOUR, parse
from metering.samples import Floats, Int64s

BERLIN = Week()
START = parse("2026-01-05T00:00:00Z")
DEVELOPMENT = Path(__file__).parents[2].parent / "shared" / "data" / "anomaly" / "dev"


def office(days: int, seed: int = 0) -> LoadCurve:
    """Ten by night, thirty by day on working days, a little noise, more when it is cold."""
    rng = np.random.default_rng(seed)
    start = START + np.arange(days * 24) * HOUR
    slots = BERLIN.slots(start, HOUR)
    temperature = 8 + 8 * np.sin((start - START) / (90 * DAY)) + 3 * np.sin((start - START) / DAY * 2 * np.pi)
    values = np.where(slots.off, 10.0, 30.0) + 0.5 * np.maximum(15 - temperature, 0) + rng.normal(0, 0.7, len(start))
    return LoadCurve(start, HOUR, values, temperature)


def alerts(scores: Scores) -> list[tuple[int, str]]:
    """Day and kind of every alert."""
    rows = np.flatnonzero(announce(decide(scores.score, 0.25), HOUR))
    begins = rows[np.concatenate(([True], np.diff(rows) > 1))] if len(rows) else rows
    return [(int(row // 24), KINDS[scores.kinds[row]]) for row in begins]


def test_a_quiet_building_raises_no_alerts() -> None:
    assert alerts(judge(BERLIN, office(120), Carrier.ELECTRICITY).scores) == []


@pytest.mark.parametrize(
    ("kind", "spoil"),
    [
        ("spike", lambda v: np.where(np.arange(len(v)) == 10, 150.0, v)),
        ("gap", lambda v: np.where(np.arange(len(v)) < 6, np.nan, v)),
        ("stuck", lambda v: np.full(len(v), v[0])),
        ("negative", lambda v: np.where(np.arange(len(v)) == 5, -4e5, v)),
        ("phase_loss", lambda v: 0.66 * v),
        ("base_load", lambda v: v + np.where(v < 22, 3.0, 0.0)),
    ],
)
def test_each_fault_is_found_and_named(kind: str, spoil: Callable[[Floats], Floats]) -> None:
    curve = office(120)
    day = slice(100 * 24, 104 * 24)
    curve.values[day] = spoil(curve.values[day])
    scores = judge(BERLIN, curve, Carrier.ELECTRICITY).scores
    assert {day for day, _ in alerts(scores)} & set(range(100, 105))
    assert kind in {KINDS[code] for code in scores.kinds[day]}


def lights(days: int) -> LoadCurve:
    """By the quarter-hour: a circuit that is on from 17 to 21, on working days, with a little noise."""
    rng = np.random.default_rng(4)
    start = START + np.arange(days * 96) * QUARTER_HOUR
    slots = BERLIN.slots(start, QUARTER_HOUR)
    hour = slots.slot % 96 / 4
    on = (hour >= 17) & (hour < 21) & (slots.slot < 5 * 96)
    return LoadCurve(start, QUARTER_HOUR, np.where(on, 2.0, 0.05) + rng.gamma(2.0, 0.01, len(start)))


@pytest.mark.parametrize(("carrier", "kind"), [(Carrier.ELECTRICITY, "base_load"), (Carrier.GAS, "leak")])
def test_what_is_left_on_stands_still_and_is_not_stuck(carrier: Carrier, kind: str) -> None:
    curve = lights(120)
    left_on = slice(100 * 96 + 8, 102 * 96)  # a Wednesday, from two o'clock at night
    curve.values[left_on] = 2.0
    scores = judge(BERLIN, curve, carrier).scores
    assert scores.ruled[left_on].max() > 0.5, "the rule on standing still has found it"
    called = [KINDS[code] for code in scores.kinds[left_on] if code]
    assert called.count(kind) > 0.8 * len(called)


def test_names_go_by_carrier_and_day() -> None:
    """The same rise at night is a base load of electricity and a leak of water; working days are not out of hours."""
    curve = office(120)
    days = slice(98 * 24, 108 * 24)  # Monday to the Wednesday of the week after
    curve.values[days] += np.where(curve.values[days] < 22, 6.0, 0.0)
    hours = np.arange(98 * 24, 108 * 24) % (7 * 24)
    in_the_week = (hours > 30) & (hours < 5 * 24)
    for carrier, kind in [(Carrier.ELECTRICITY, "base_load"), (Carrier.WATER, "leak")]:
        kinds = judge(BERLIN, curve, carrier).scores.kinds[days]
        called = [KINDS[code] for code in kinds if code]
        assert called.count(kind) > 0.5 * len(called), carrier
        assert KINDS.index("weekend") not in kinds[in_the_week]
    assert not {KINDS.index("base_load"), KINDS.index("weekend"), KINDS.index("phase_loss")} & set(kinds.tolist())


def test_a_charge_point_may_be_used_on_any_day_but_not_as_never_before() -> None:
    """Eleven kW for some hours, on most working days in the afternoon, now and then at a weekend or in the morning."""
    rng = np.random.default_rng(5)
    values = rng.integers(0, 2, 150 * 96) * 0.001
    for day in range(150):
        if rng.random() < (0.6 if day % 7 < 5 else 0.2):
            first = day * 96 + int(rng.normal(60, 4) if rng.random() < 0.75 else rng.uniform(28, 50))
            values[first : first + int(rng.integers(4, 16))] = 2.75 * rng.uniform(0.9, 1.0)
    session = slice(146 * 96 + 40, 146 * 96 + 50)  # a Sunday
    values[session] = 2.7
    curve = LoadCurve(START + np.arange(150 * 96) * QUARTER_HOUR, QUARTER_HOUR, values)
    scores = judge(BERLIN, curve, Carrier.ELECTRICITY).scores
    assert not decide(scores.score, 0.25).any()
    assert (scores.upper[session] >= values[session]).all()
    values[session] = 27.0
    assert decide(judge(BERLIN, curve, Carrier.ELECTRICITY).scores.score, 0.25)[session].any()


def test_a_leak_is_constant_flow_where_there_used_to_be_none() -> None:
    rng = np.random.default_rng(3)
    hours = 120 * 24
    values = np.where(rng.random(hours) < 0.4, rng.gamma(2, 0.05, hours), 0.0)
    values[100 * 24 : 105 * 24] += 0.03
    curve = LoadCurve(START + np.arange(hours) * HOUR, HOUR, values)
    scores = judge(BERLIN, curve, Carrier.WATER).scores
    assert {day for day, _ in alerts(scores)} & {100, 101}
    assert "leak" in {KINDS[kind] for kind in scores.kinds[101 * 24 : 105 * 24]}


@settings(max_examples=8, deadline=None)
@given(cut=st.integers(1, 60 * 24 - 1), seed=st.integers(0, 3))
def test_a_score_does_not_know_the_future(cut: int, seed: int) -> None:
    curve = office(60, seed=seed)
    curve.values[30 * 24 : 32 * 24] *= 2
    whole = judge(BERLIN, curve).scores
    past = judge(BERLIN, curve.part(0, cut)).scores
    np.testing.assert_array_equal(whole.score[:cut], past.score)
    np.testing.assert_array_equal(whole.upper[:cut], past.upper)


def test_expected_lies_between_its_bounds_and_near_the_truth() -> None:
    curve = office(120)
    scores = judge(BERLIN, curve).scores
    late = slice(60 * 24, None)
    assert np.all(scores.lower[late] <= scores.expected[late])
    assert np.all(scores.expected[late] <= scores.upper[late])
    assert np.median(np.abs(scores.expected - curve.values)[late]) < 1.0


def test_holidays_are_sundays_and_clock_changes_keep_the_hour() -> None:
    noon = np.array(
        [
            parse(f"2026-{day}T12:00:00+0{offset}:00")
            for day, offset in [("04-05", 2), ("04-06", 2), ("03-27", 1), ("04-10", 2)]
        ]
    )  # Sunday, Easter Monday, Fridays
    slot = BERLIN.slots(noon, HOUR).slot
    assert slot[0] == slot[1] == 6 * 24 + 12
    assert slot[2] == slot[3] == 4 * 24 + 12


def test_an_unknown_region_is_named() -> None:
    with pytest.raises(ValueError, match="XX"):
        Week("Europe/Berlin", "XX")


@given(st.lists(st.one_of(st.none(), st.floats(0, 100)), min_size=1, max_size=60), st.integers(1, 20))
def test_trailing_statistics_equal_their_definition(given_values: list[float | None], length: int) -> None:
    values = np.array([np.nan if value is None else value for value in given_values])
    windows = [values[max(0, i + 1 - length) : i + 1] for i in range(len(values))]
    means = [np.mean(w[np.isfinite(w)]) if np.isfinite(w).sum() >= 0.5 * length else np.nan for w in windows]
    least = [w.min() if len(w) == length and np.isfinite(w).all() else np.nan for w in windows]
    np.testing.assert_allclose(trailing_mean(values, length, 0.5), means, atol=1e-9)
    np.testing.assert_array_equal(trailing_least(values, length), least)


def test_gap_counts_hours_and_stuck_counts_runs() -> None:
    nan = np.nan
    np.testing.assert_array_equal(rules.gap(np.array([1, nan, nan, 1, nan]), HOUR), [0, 1, 2, 0, 1])
    np.testing.assert_array_equal(rules.stuck_runs(np.array([2.0, 2, 2, nan, 2, 3])), [1, 2, 3, 1, 1, 1])


def test_decision_has_hysteresis_and_is_announced_for_a_day() -> None:
    high = threshold(0.5)
    alert = decide(np.array([0.1, high, high * 0.6, high * 0.6, high * 0.4, high * 0.6]), 0.5)
    assert alert.tolist() == [False, True, True, True, False, False]
    lasting = np.ones(5 * 96, bool)
    assert announce(lasting, QUARTER_HOUR).sum() == 96


def test_an_alert_is_told_again_when_it_becomes_four_times_rarer() -> None:
    alert, score = np.ones(10 * 24, bool), np.full(10 * 24, 0.85)
    assert announce(alert, HOUR, score).sum() == 24
    score[144:150] = 0.97
    assert np.flatnonzero(announce(alert, HOUR, score)).tolist() == [*range(24), *range(144, 168)]
    score[:3] = 0.97  # as rare from the beginning
    assert announce(alert, HOUR, score).sum() == 24


def test_what_a_rule_finds_within_an_alert_is_news() -> None:
    """The base load has been up for days when the meter falls silent; the score of the gap is not four times rarer."""
    number = 10 * 24
    scores = Scores.none(number)
    scores.score[:], scores.kinds[:] = 0.97, KINDS.index("base_load")
    scores.kinds[144:170], scores.ruled[144:170] = KINDS.index("gap"), 0.97
    scores.kinds[200:210], scores.ruled[200:210] = KINDS.index("stuck"), 0.75  # for this budget not rare enough alone
    assert np.flatnonzero(told(scores, HOUR, 0.25)).tolist() == [*range(24), *range(144, 168)]
    scores.score[140:] = 0.0
    assert np.flatnonzero(told(scores, HOUR, 0.25)).tolist() == [*range(24)], "what was not decided is not told"


def test_a_gap_is_told_although_the_base_load_is_up() -> None:
    curve = office(130)
    raised = slice(100 * 24, 110 * 24)
    curve.values[raised] += np.where(curve.values[raised] < 22, 12.0, 0.0)
    curve.values[104 * 24 : 104 * 24 + 7] = np.nan
    scores = judge(BERLIN, curve, Carrier.ELECTRICITY).scores
    gap = slice(104 * 24 + 2, 104 * 24 + 7)
    assert (scores.ruled[gap] > 0.8).all()
    assert decide(scores.score, 0.25)[101 * 24 : 104 * 24].all(), "the alert runs when the gap begins"
    assert told(scores, HOUR, 0.25)[gap].all()
    assert not announce(decide(scores.score, 0.25), HOUR, scores.score)[gap].any()


# the development series: real meters with known faults, scored by the rules in the head of the data's score.py


def development(series_id: str) -> tuple[LoadCurve, int]:
    """The curve of train and test part, and where the test part begins."""
    rows: dict[str, list[tuple[int, float, float]]] = defaultdict(list)
    for part in ("train", "test"):
        with gzip.open(DEVELOPMENT / f"{part}.csv.gz", "rt", encoding="utf-8") as file:
            for row in csv.DictReader(line for line in file if line.startswith((series_id, "series_id"))):
                value, temperature = float(row["value"] or "nan"), float(row["temp_c"] or "nan")
                rows[part].append((parse(row["timestamp"]), value, temperature))
    times, values, temperature = (np.array(column) for column in zip(*rows["train"], *rows["test"], strict=True))
    step_us = int(np.median(np.diff(times)))
    return LoadCurve(times, step_us, values, temperature), len(rows["train"])


def spans(name: str, series_id: str) -> list[tuple[int, int]]:
    with (DEVELOPMENT / name).open(encoding="utf-8") as file:
        return [(parse(r["start"]), parse(r["end"])) for r in csv.DictReader(file) if r["series_id"] == series_id]


def counted(alert: Floats, times: Int64s, events: list[tuple[int, int]], ignored: list[tuple[int, int]]) -> list[int]:
    """Events detected (within 2 h of their end), and false alarms: groups 6 h apart, one for each 24 h begun."""
    detected = sum(bool(alert[(times >= a) & (times <= b + 2 * HOUR)].any()) for a, b in events)
    quiet = np.ones(len(times), bool)
    for a, b in events:
        quiet[(times >= a - (times[1] - times[0])) & (times <= b + DAY)] = False
    for a, b in ignored:
        quiet[(times >= a) & (times <= b)] = False
    rows = times[alert & quiet]
    groups = np.split(rows, np.flatnonzero(np.diff(rows) > 6 * HOUR) + 1)
    return [detected, sum(int((group[-1] - group[0]) // DAY) + 1 for group in groups if len(group))]


@pytest.mark.skipif(not DEVELOPMENT.exists(), reason="the development series are not beside this checkout")
def test_event_f1_on_real_meters_stays_where_it_is() -> None:
    detected = false_alarms = number = 0
    for series_id, carrier in [
        ("dev_elec_cam_b104", Carrier.ELECTRICITY),
        ("dev_gas_cam_b17", Carrier.GAS),
        ("dev_water_h0", Carrier.WATER),
    ]:
        curve, test = development(series_id)
        alert = told(judge(BERLIN, curve, carrier).scores, curve.step_us, 0.25)[test:]
        events = spans("labels_events.csv", series_id)
        found, wrong = counted(alert, curve.start_us[test:], events, spans("ignore.csv", series_id))
        detected, false_alarms, number = detected + found, false_alarms + wrong, number + len(events)
    recall, precision = detected / number, detected / (detected + false_alarms)
    f1 = 2 * recall * precision / (recall + precision)
    assert f1 >= 0.65, f"{detected} of {number} events, {false_alarms} false alarms"
