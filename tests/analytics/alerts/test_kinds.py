"""Every kind of alert has its words, and what is found in consumption is judged right."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import pytest

from analytics.alerts.kinds import KINDS
from analytics.alerts.sensitivity import adjusted, least_signs, sensitivity
from analytics.alerts.waste import Judged, Limits, findings
from analytics.anomaly.curve import LoadCurve
from analytics.anomaly.detector import Scores, threshold
from analytics.anomaly.naming import KINDS as DETECTED
from metering.estate import Carrier, Meter, Role
from metering.instant import HOUR
from metering.texts import Texts
from tests.analytics.alerts.conftest import GERMAN, NOW

METER = Meter("m1", "Hauptzähler", "school", Carrier.ELECTRICITY, Role.SUPPLY, "d1", "active_energy_import")


@pytest.mark.parametrize("key", KINDS)
def test_every_kind_has_its_words(key: str) -> None:
    Texts("analytics", "de")(f"title.{key}")
    Texts("analytics.alerts", "de")(f"check.{key}")
    Texts("dashboards.web", "de")(f"kind.{key}")


def test_what_detectors_find_are_kinds() -> None:
    assert set(DETECTED) - {""} <= set(KINDS)


def judged(score: float, kind: str, number: int = 48) -> Judged:
    """Two days by the hour, of which the last twelve hours are 1.8 times the usual."""
    odd = np.arange(number) >= number - 12
    expected = np.full(number, 2.0)
    values = np.where(odd, 3.6, 2.0)
    curve = LoadCurve(NOW + np.arange(number) * HOUR, HOUR, values)
    kinds = np.where(odd, DETECTED.index(kind), 0)
    scores = Scores(np.where(odd, score, 0.0), kinds, np.zeros(number), expected, expected - 0.2, expected + 0.2)
    return Judged(METER, curve, scores, lambda amounts: amounts * 0.4)


def test_evidence_names_ratio_duration_energy_money_and_emissions() -> None:
    (found,) = findings(judged(0.95, "base_load"), Limits(0.5), 0.3, GERMAN)
    assert found.explanation.startswith("1,8-mal so viel wie sonst")
    assert "seit 12 h." in found.explanation
    assert "19,2 kWh mehr als erwartet (5,76 EUR, 7,70 kg CO2e)" in found.explanation
    assert found.excess is not None
    assert (found.excess.amount, found.excess.eur, found.excess.kg_co2e) == (19.2, 5.76, 7.68)


def test_a_false_alarm_takes_more_to_alert_of_that_kind_at_that_meter() -> None:
    just = threshold(0.5) + 0.01

    def told(kind: str, sensitivities: Mapping[tuple[str, str], float]) -> int:
        return len(list(findings(judged(just, kind), Limits(0.5, sensitivities), None, GERMAN)))

    assert told("high", {}) == 1
    assert told("high", {("m1", "high"): 0.5}) == 0
    assert told("leak", {("m1", "high"): 0.5}) == 1
    assert told("high", {("m2", "high"): 0.5}) == 1
    under = judged(threshold(0.5) - 0.01, "high")
    assert len(list(findings(under, Limits(0.5, {("m1", "high"): 1.5}), None, GERMAN))) == 1


def test_what_is_made_has_no_base_load_and_more_of_it_is_no_waste() -> None:
    made = judged(0.95, "base_load")
    made = replace(made, meter=replace(METER, role=Role.GENERATION))
    (more,) = findings(made, Limits(0.5), 0.3, GERMAN)
    assert (more.kind, more.excess) == ("high", None)
    made.scores.expected[:] = 5.0
    (less,) = findings(made, Limits(0.5), 0.3, GERMAN)
    assert (less.kind, less.title) == ("low", "„Hauptzähler“ zählt weniger als sonst")


def test_what_makes_nothing_is_not_stuck() -> None:
    idle = judged(0.95, "stuck")
    idle.curve.values[-12:] = 0.0
    idle.scores.ruled[-12:] = 0.95
    assert [found.kind for found in findings(idle, Limits(0.5), None, GERMAN)] == ["stuck"]
    made = replace(idle, meter=replace(METER, role=Role.FEED_IN))
    assert [found.kind for found in findings(made, Limits(0.5), None, GERMAN)] == ["low"]


def test_the_weak_end_of_an_alert_does_not_rename_it() -> None:
    ending = judged(0.9, "weekend", 24 * 6)
    kinds, score = ending.scores.kinds, ending.scores.score
    kinds[-60:-36], score[-60:-36] = DETECTED.index("weekend"), 0.95
    kinds[-36:], score[-36:] = DETECTED.index("base_load"), 0.7
    (found,) = findings(ending, Limits(0.5), None, GERMAN)
    assert found.kind == "weekend"
    score[-36:] = 0.94
    (found,) = findings(ending, Limits(0.5), None, GERMAN)
    assert found.kind == "base_load"


def test_an_alert_in_which_nothing_was_named_is_more_or_less_than_usual() -> None:
    """Names begin at a score of 0.5, budgets above one false alarm a month at less."""
    (found,) = findings(judged(0.4, ""), Limits(2.0), None, GERMAN)
    assert found.kind == "high"


def test_spikes_do_not_name_what_lasts() -> None:
    lasting = judged(0.9, "weekend", 24 * 3)
    kinds, score = lasting.scores.kinds, lasting.scores.score
    kinds[-24:], score[-24:] = DETECTED.index("weekend"), 0.9
    kinds[-3:], score[-3:] = DETECTED.index("spike"), 0.99
    (found,) = findings(lasting, Limits(0.5), None, GERMAN)
    assert found.kind == "weekend"
    kinds[-20:] = DETECTED.index("spike")
    (found,) = findings(lasting, Limits(0.5), None, GERMAN)
    assert found.kind == "spike"


def test_a_strong_fault_inside_a_weak_alert_gives_it_its_name() -> None:
    weak = judged(0.7, "drift", 24 * 6)
    scores = weak.scores
    scores.score[24:], scores.kinds[24:] = 0.7, DETECTED.index("drift")
    (before,) = findings(weak, Limits(0.5), None, GERMAN)
    scores.score[-4:], scores.kinds[-4:] = 0.99, DETECTED.index("leak")
    (after,) = findings(weak, Limits(0.5), None, GERMAN)
    assert (before.kind, after.kind) == ("drift", "leak")
    assert (before.cause, before.first_us) == (after.cause, after.first_us)
    assert after.severity > before.severity
    assert (before.rarity, after.rarity) == (pytest.approx(0.7 / 0.3, abs=1e-3), pytest.approx(99))


@pytest.mark.parametrize(("kind", "cause"), [("gap", "d1:silence"), ("stuck", "d1:stuck"), ("negative", "m1:negative")])
def test_what_a_rule_finds_within_an_alert_is_one_of_its_own(kind: str, cause: str) -> None:
    """And the alert stays what it was, though the rule's sign is the stronger one."""
    found = judged(0.9, "base_load", 24 * 6)
    scores, begin = found.scores, 24 * 6 - 12
    at = slice(begin + 4, begin + 7)
    scores.score[at], scores.kinds[at], scores.ruled[at] = 0.99, DETECTED.index(kind), 0.99
    found.curve.values[at] = np.nan if kind == "gap" else -2.0 if kind == "negative" else 3.6
    running, of_rule = findings(found, Limits(0.5), None, GERMAN)
    assert (running.kind, running.cause, running.first_us) == ("base_load", "m1:consumption", NOW + begin * HOUR)
    assert (of_rule.kind, of_rule.cause) == (kind, cause)
    assert (of_rule.first_us, of_rule.last_us) == (NOW + (begin + 4) * HOUR, NOW + (begin + 7) * HOUR)
    scores.ruled[at] = 0.5  # not rare enough by itself
    assert len(list(findings(found, Limits(0.5), None, GERMAN))) == 1


def test_an_alert_that_a_rule_began_is_told_once() -> None:
    found = judged(0.9, "drop")
    found.scores.kinds[-12], found.scores.score[-12], found.scores.ruled[-12] = DETECTED.index("negative"), 0.99, 0.99
    (only,) = findings(found, Limits(0.5), None, GERMAN)
    assert (only.kind, only.cause) == ("negative", "m1:consumption")


def test_bad_data_is_told_as_such_and_as_nothing_else() -> None:
    def kinds(kind: str, share: float) -> Iterator[str]:
        doubtful = np.arange(48) >= 48 - 12 * share
        return (found.kind for found in findings(judged(0.99, kind), Limits(0.5, {}, doubtful), None, GERMAN))

    assert list(kinds("high", 0.0)) == ["high"]
    assert list(kinds("high", 0.25)) == ["high"]
    assert list(kinds("high", 1.0)) == []
    assert list(kinds("gap", 1.0)) == ["gap"]


def test_adjusting_the_score_is_adjusting_the_budget() -> None:
    score = np.linspace(0, 1, 101)
    factor = np.full(101, 0.25)
    np.testing.assert_array_equal(adjusted(score, factor) >= threshold(0.8), score >= threshold(0.2))
    np.testing.assert_array_equal(adjusted(score, np.ones(101)), score)
    assert [sensitivity(n, 0) for n in (0, 1, 9)] == [1.0, 0.5, 1 / 32]
    assert sensitivity(0, 9) == 2.0
    assert [least_signs(factor) for factor in (2.0, 1.0, 0.5, 0.2)] == [1, 1, 2, 5]
