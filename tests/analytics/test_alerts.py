"""The alert book, the words, the checks on live readings, and delivery over real HTTP."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import msgspec
import pytest

from analytics.alerts import live
from analytics.alerts.alert import Evidence, Excess, Finding, State
from analytics.alerts.book import AlertBook
from analytics.alerts.notify import Notifier
from analytics.alerts.wording import Wording
from metering.estate import Building, Device, Estate, Site
from metering.event import Severity
from metering.instant import DAY, HOUR, MINUTE, SECOND, parse
from metering.localtime import LocalCalendar
from metering.quality import Quality
from metering.reading import Reading

NOW = parse("2026-11-22T02:00:00Z")
GERMAN = Wording("de", LocalCalendar())
ENGLISH = Wording("en", LocalCalendar())


@pytest.fixture
def book(tmp_path: Path) -> Iterator[AlertBook]:
    book = AlertBook(f"sqlite:///{tmp_path}/new/alerts.db")
    yield book
    book.close()


def finding(first_us: int, last_us: int, cause: str = "m1:consumption", kind: str = "leak") -> Finding:
    evidence = Evidence("consumption", "m³", (first_us,), (1.5,), (0.5,), (None,), (0.9,))
    excess = Excess(12.5, "m³", eur=50.0)
    return Finding(cause, kind, "m1", "school", Severity.WARNING, first_us, last_us, "Leck", "viel", evidence, excess)


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


# delivery


class Endpoint:
    """A web hook on a free port; ``status`` is what it answers."""

    def __init__(self) -> None:
        self.status = 200
        self.received: list[dict[str, str]] = []
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if endpoint.status == 200:
                    endpoint.received.append(json.loads(body))
                self.send_response(endpoint.status)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"json://127.0.0.1:{self._server.server_port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    endpoint = Endpoint()
    yield endpoint
    endpoint.stop()


async def test_a_new_alert_is_delivered_once_and_again_after_a_failure(book: AlertBook, endpoint: Endpoint) -> None:
    notifier = Notifier([endpoint.url], book)
    alert = book.report(finding(NOW, NOW), NOW)
    endpoint.status = 500
    assert await notifier.deliver(NOW) == 0
    endpoint.status = 200
    assert await notifier.deliver(NOW + 30 * SECOND) == 0, "too early to try again"
    assert await notifier.deliver(NOW + 2 * MINUTE) == 1
    assert await notifier.deliver(NOW + 3 * MINUTE) == 0
    (message,) = endpoint.received
    assert message["title"] == alert.title
    assert alert.explanation in message["message"]


async def test_muted_and_resolved_alerts_are_not_delivered(book: AlertBook, endpoint: Endpoint) -> None:
    notifier = Notifier([endpoint.url], book)
    muted = book.report(finding(NOW, NOW, cause="a:x"), NOW)
    book.mute(muted.id, NOW + HOUR, "Ali", "Umbau", NOW)
    book.report(finding(NOW - 2 * DAY, NOW - 2 * DAY, cause="b:x"), NOW)
    book.resolve_quiet(NOW, DAY)
    assert await notifier.deliver(NOW) == 0
    assert await notifier.deliver(NOW + 2 * HOUR) == 1, "the silence is over"
    assert len(endpoint.received) == 1


def test_a_url_that_is_none_is_refused_without_showing_it(book: AlertBook) -> None:
    with pytest.raises(ValueError, match=r"notify\[0\]") as refused:
        Notifier(["nonsense-with-secret"], book)
    assert "secret" not in str(refused.value)


# checks on live readings

DEVICES = [Device(f"d{n}", f"Gerät {n}", 10.0, "school") for n in range(6)]
ESTATE = Estate.of([Site("s", "S")], [Building("school", "Schule", "s", "school")], DEVICES)


def test_a_device_is_silent_when_its_patience_is_over_and_not_before() -> None:
    silence = live.Silence(factor=5, least_s=120, since_us=NOW)
    heard = {device.id: NOW for device in DEVICES[1:]}
    assert list(silence.silent(DEVICES, heard, NOW + 120 * SECOND)) == []
    later = {**heard, "d2": NOW + 60 * SECOND}
    silent = [device.id for device, _ in silence.silent(DEVICES, later, NOW + 121 * SECOND)]
    assert silent == ["d0", "d1", "d3", "d4", "d5"]


def test_after_a_restart_old_readings_are_no_silence() -> None:
    silence = live.Silence(factor=5, least_s=120, since_us=NOW)
    assert list(silence.silent(DEVICES, {"d0": NOW - DAY}, NOW + 60 * SECOND)) == []
    (device, last_us) = next(iter(silence.silent(DEVICES, {"d0": NOW - DAY}, NOW + 200 * SECOND)))
    assert (device.id, last_us) == ("d0", NOW - DAY)


def test_one_silent_device_is_named_and_half_of_them_have_one_cause() -> None:
    (alone,) = live.silence([(DEVICES[0], NOW)], DEVICES, NOW + HOUR, GERMAN)
    assert alone.title == "„Gerät 0“ ist verstummt"
    assert alone.explanation == "Zuletzt gehört 22.11.2026 03:00, erwartet alle 10 s."
    (common,) = live.silence([(device, NOW) for device in DEVICES[:3]], DEVICES, NOW + HOUR, ENGLISH)
    assert common.kind == "silent_many"
    assert common.severity is Severity.CRITICAL
    assert "Gerät 0, Gerät 1, Gerät 2" in common.explanation


def test_a_hundred_doubted_values_are_one_finding() -> None:
    stuck = [Reading("d1", "voltage_l1", 230.0, NOW + n * SECOND, Quality.SUSPECT, "stuck") for n in range(100)]
    others = [
        Reading("d2", "active_energy_import", 5.0, NOW, Quality.SUSPECT, "backwards"),
        Reading("d3", "active_power", 5.0, NOW, Quality.MEASURED, "confirmed"),
        Reading("unknown", "active_power", 5.0, NOW, Quality.SUSPECT, "range"),
    ]
    found = {f.cause: f for f, _ in live.doubts([*stuck, *others], ESTATE, GERMAN)}
    assert set(found) == {"d1:stuck", "d2:backwards"}
    assert found["d1:stuck"].title == "„Gerät 1“ steht fest"
    assert found["d1:stuck"].explanation.startswith("100 Werte von voltage_l1 seit 22.11.2026 03:00, zuletzt 230 V")
    assert (found["d1:stuck"].first_us, found["d1:stuck"].last_us) == (NOW, NOW + 99 * SECOND)


@pytest.mark.parametrize(
    ("duration", "german"),
    [(45 * SECOND, "45 s"), (3 * HOUR + 30 * MINUTE, "3 h 30"), (2 * HOUR, "2 h"), (3 * DAY, "3 Tagen")],
)
def test_durations_in_words(duration: int, german: str) -> None:
    assert GERMAN.duration(duration) == german


def test_the_time_of_week_is_local() -> None:
    assert GERMAN.weekly(NOW) == "sonntags um 03:00"
    assert ENGLISH.weekly(NOW) == "on Sundays at 03:00"
    assert GERMAN.number(1234.5) == "1.234"


def test_an_alert_can_be_sent_as_json() -> None:
    assert msgspec.json.decode(msgspec.json.encode(finding(NOW, NOW)), type=Finding) == finding(NOW, NOW)


def test_a_silent_gateway_is_named_in_the_words_of_the_installation() -> None:
    found = live.gateway_silence(NOW - HOUR, NOW, GERMAN)
    assert (found.kind, found.title, found.first_us) == ("gateway_down", "Das Gateway meldet sich nicht", NOW - HOUR)
