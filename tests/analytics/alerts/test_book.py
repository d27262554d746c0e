"""The alert book: one cause, one alert, its life, and what people do about it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from analytics.alerts.alert import Alert, Excess, State, Verdict
from analytics.alerts.book import AlertBook
from metering.event import Severity
from metering.instant import DAY, HOUR, MINUTE
from tests.analytics.alerts.conftest import NOW, finding


def test_one_cause_is_one_alert_for_as_long_as_it_lasts(book: AlertBook) -> None:
    first = book.report(finding(NOW, NOW + HOUR), NOW + HOUR)
    later = book.report(finding(NOW + 3 * HOUR, NOW + 4 * HOUR, kind="high"), NOW + 4 * HOUR)
    assert later.id == first.id
    assert (later.first_us, later.last_us, later.kind) == (NOW, NOW + 4 * HOUR, "high")
    assert later.evidence.actual == (1.5,)
    assert later.excess == Excess(12.5, "m³", eur=50.0)
    other = book.report(finding(NOW, NOW + HOUR, cause="m2:consumption"), NOW + HOUR)
    next_week = book.report(finding(NOW + 7 * DAY, NOW + 7 * DAY), NOW + 7 * DAY)
    assert len({first.id, other.id, next_week.id}) == 3
    assert book.list()[0].id == next_week.id


def test_it_resolves_when_quiet_and_reopens_when_it_returns(book: AlertBook) -> None:
    alert = book.report(finding(NOW, NOW), NOW)
    book.acknowledge(alert.id, "Frau Weber", "Hausmeister ist unterwegs", NOW + MINUTE)
    assert book.resolve_quiet(NOW + HOUR, 2 * HOUR) == []
    (resolved,) = book.resolve_quiet(NOW + 3 * HOUR, 2 * HOUR)
    assert resolved.state is State.RESOLVED
    assert resolved.event().end_us == NOW
    same = book.report(finding(NOW, NOW + MINUTE), NOW + 3 * HOUR)
    assert same.state is State.RESOLVED, "signs from before it was resolved do not open it again"
    again = book.report(finding(NOW + 5 * HOUR, NOW + 5 * HOUR), NOW + 5 * HOUR)
    assert (again.id, again.state, again.resolved_us) == (alert.id, State.OPEN, None)
    assert again.event().end_us is None
    assert [entry.action for entry in again.history] == ["opened", "acknowledged", "resolved", "reopened"]
    assert again.history[1].who == "Frau Weber"


def test_what_becomes_much_worse_is_raised_as_that(book: AlertBook) -> None:
    def report(at_us: int, kind: str, rarity: float, severity: Severity = Severity.WARNING) -> Alert:
        found = msgspec.structs.replace(finding(NOW, at_us, kind=kind, severity=severity), rarity=rarity, title=kind)
        return book.report(found, at_us)

    alert = report(NOW, "drift", 3.0)
    book.acknowledge(alert.id, "Frau Weber", "", NOW)
    for at_us, kind, rarity in ((NOW + HOUR, "drift", 99.0), (NOW + 2 * HOUR, "high", 11.0), (NOW + DAY, "low", 11.0)):
        assert report(at_us, kind, rarity).state is State.ACKNOWLEDGED, "more of the same, or little more"
    worse = report(NOW + 3 * HOUR, "phase_loss", 12.0)
    assert (worse.id, worse.state, worse.kind) == (alert.id, State.OPEN, "phase_loss")
    assert (worse.history[-1].action, worse.history[-1].text, worse.raised_us) == ("worsened", "low", NOW + 3 * HOUR)
    book.acknowledge(alert.id, "Ali", "", NOW + 4 * HOUR)
    assert report(NOW + 5 * HOUR, "high", 40.0).state is State.ACKNOWLEDGED
    assert report(NOW + 6 * HOUR, "leak", 13.0, Severity.CRITICAL).severity is Severity.CRITICAL
    assert report(NOW + 30 * HOUR, "leak", 52.0, Severity.CRITICAL).worsened == 3
    assert report(NOW + 31 * HOUR, "leak", 53.0, Severity.CRITICAL).worsened == 3


def test_only_the_named_kinds_resolve(book: AlertBook) -> None:
    book.report(finding(NOW, NOW, cause="d1:silence", kind="silent"), NOW)
    book.report(finding(NOW, NOW), NOW)
    resolved = book.resolve_quiet(NOW + HOUR, MINUTE, ["silent"])
    assert [alert.kind for alert in resolved] == ["silent"]
    assert [alert.kind for alert in book.list(only_open=True)] == ["leak"]
    assert book.counts() == {Severity.WARNING: 1}


def test_alerts_survive_a_restart_and_unknown_ones_are_named(book: AlertBook, tmp_path: Path) -> None:
    alert = book.report(finding(NOW, NOW), NOW)
    book.comment(alert.id, "Ali", "gesehen", NOW)
    again = AlertBook(f"sqlite:///{tmp_path}/new/alerts.db")
    assert again.get(alert.id) == book.get(alert.id)
    assert again.list(building="school", subject="m1") == [again.get(alert.id)]
    assert again.list(building="pool") == []
    with pytest.raises(LookupError, match="nope"):
        again.comment("nope", "Ali", "", NOW)
    again.close()


def test_many_threads_and_two_books_report_one_alert(book: AlertBook, tmp_path: Path) -> None:
    other = AlertBook(f"sqlite:///{tmp_path}/new/alerts.db")
    with ThreadPoolExecutor(8) as pool:
        reports = [pool.submit((book, other)[n % 2].report, finding(NOW, NOW + n), NOW + n) for n in range(40)]
    assert len({report.result().id for report in reports}) == 1
    assert book.list()[0].last_us == NOW + 39
    other.close()


def test_resolved_by_hand_it_stays_so_for_six_hours_of_aftermath(book: AlertBook) -> None:
    alert = book.report(finding(NOW, NOW), NOW)
    resolved = book.resolve(alert.id, "Ali", "Ventil getauscht", NOW + MINUTE)
    assert (resolved.state, resolved.history[-1].text) == (State.RESOLVED, "Ventil getauscht")
    assert resolved.event().end_us == NOW
    assert book.report(finding(NOW, NOW + 6 * HOUR), NOW + 6 * HOUR).state is State.RESOLVED
    again = book.report(finding(NOW, NOW + 7 * HOUR), NOW + 7 * HOUR)
    assert (again.id, again.state, again.raised_us) == (alert.id, State.OPEN, NOW + 7 * HOUR)
    assert book.resolve(book.resolve(alert.id, "a", "", NOW).id, "b", "", NOW).history[-1].who == "a"


def test_reopened_by_hand_it_stays_open_for_its_quiet_hours(book: AlertBook) -> None:
    alert = book.report(finding(NOW, NOW), NOW)
    book.judge(alert.id, Verdict.FALSE_ALARM, "Ali", "", NOW)
    later = NOW + 10 * HOUR
    opened = book.reopen(alert.id, "Weber", "doch nicht", later)
    assert (opened.state, opened.verdict, opened.raised_us) == (State.OPEN, None, later)
    assert book.resolve_quiet(later + HOUR, 6 * HOUR) == []
    assert len(book.resolve_quiet(later + 7 * HOUR, 6 * HOUR)) == 1


def test_a_false_alarm_stays_closed_while_its_signs_last_and_is_new_after_that(book: AlertBook) -> None:
    alert = book.report(finding(NOW, NOW), NOW)
    closed = book.judge(alert.id, Verdict.FALSE_ALARM, "Ali", "Schwimmfest", NOW + MINUTE)
    assert (closed.state, closed.verdict) == (State.RESOLVED, Verdict.FALSE_ALARM)
    for hours in range(1, 60, 12):
        seen = book.report(finding(NOW, NOW + hours * HOUR), NOW + hours * HOUR)
        assert (seen.id, seen.state) == (alert.id, State.RESOLVED)
    next_time = NOW + 5 * DAY
    assert book.report(finding(next_time, next_time), next_time).id != alert.id


def test_verdicts_change_how_readily_the_next_one_is_raised(book: AlertBook) -> None:
    assert book.sensitivities() == {}
    for day in range(0, 30, 10):
        begin = NOW + day * DAY
        alert = book.report(finding(begin, begin), begin)
        book.judge(alert.id, Verdict.FALSE_ALARM, "Ali", "", begin)
    right = book.report(finding(NOW, NOW, "m2:consumption", subject="m2"), NOW)
    assert book.judge(right.id, Verdict.CONFIRMED, "Ali", "", NOW).state is State.OPEN
    assert book.sensitivities() == {("m1", "leak"): 0.125, ("m2", "leak"): 1.5}
    assert book.sensitivities("m2") == {("m2", "leak"): 1.5}
    book.judge(right.id, Verdict.FALSE_ALARM, "Weber", "", NOW)
    assert book.sensitivities("m2") == {("m2", "leak"): 0.5}, "the newest verdict counts"


def test_it_is_assigned_and_who_takes_it_is_in_charge(book: AlertBook) -> None:
    alert = book.report(finding(NOW, NOW), NOW)
    assert book.assign(alert.id, "Weber", "Ali", NOW).assignee == "Weber"
    taken = book.acknowledge(alert.id, "Ali", "", NOW)
    assert (taken.assignee, taken.state) == ("Weber", State.ACKNOWLEDGED)
    assert book.assign(alert.id, "", "Ali", NOW).assignee == ""
    other = book.report(finding(NOW, NOW, "b:x"), NOW)
    assert book.acknowledge(other.id, "Ali", "", NOW).assignee == "Ali"


def test_earlier_cases_of_the_same_meter_come_first(book: AlertBook) -> None:
    places = [("m1:consumption", "m1", 0), ("m2:consumption", "m2", 5), ("m1:consumption", "m1", 10)]
    for cause, subject, day in places:
        begin = NOW + day * DAY
        book.report(finding(begin, begin, cause, subject=subject), begin)
    book.report(finding(NOW, NOW, "m1:x", "gap"), NOW)
    last = book.list()[0]
    assert [(case.subject, case.first_us) for case in book.similar(last)] == [("m1", NOW), ("m2", NOW + 5 * DAY)]


def test_what_annotations_say_is_known_to_have_changed(book: AlertBook) -> None:
    alert = book.report(finding(NOW, NOW), NOW)
    assert [a.id for a in book.changed_since(NOW)] == [alert.id]
    book.report(finding(NOW, NOW + HOUR), NOW + HOUR)
    book.comment(alert.id, "Ali", "x", NOW + 2 * HOUR)
    assert book.changed_since(NOW + 1) == [], "while it lasts its end is open, and a comment is no annotation"
    book.resolve(alert.id, "Ali", "", NOW + 3 * HOUR)
    assert [a.event().end_us for a in book.changed_since(NOW + 3 * HOUR)] == [NOW + HOUR]
    book.reopen(alert.id, "Ali", "", NOW + 4 * HOUR)
    assert [a.event().end_us for a in book.changed_since(NOW + 4 * HOUR)] == [None]
