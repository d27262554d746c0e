"""Who is told, when: routes, quiet hours, digests, escalation, in local time."""

from datetime import datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from analytics.alerts.alert import Alert
from analytics.alerts.book import AlertBook
from analytics.alerts.day_hours import DayHours, next_at
from analytics.alerts.routing import Router
from analytics.alerts.settings import AlertSettings, RecipientSettings, RouteSettings
from analytics.settings import AnalyticsSettings
from metering.event import Severity
from metering.instant import DAY, HOUR, MINUTE, parse
from metering.localtime import LocalCalendar
from tests.analytics.alerts.conftest import finding

SUNDAY_NIGHT = parse("2026-11-22T02:00:00Z")  # 03:00 in Berlin
MONDAY_NOON = parse("2026-11-23T11:00:00Z")
BERLIN = ZoneInfo("Europe/Berlin")


def person(name: str, quiet: str | None = None, digest: str | None = None) -> RecipientSettings:
    return RecipientSettings(id=name, urls=(SecretStr("json://x"),), quiet=quiet, digest=digest)


def raised(book: AlertBook, at_us: int, kind: str = "leak", severity: Severity = Severity.WARNING) -> Alert:
    return book.report(finding(at_us, at_us, f"m1:{kind}", kind, severity), at_us)


def told(settings: AlertSettings, alert: Alert, now_us: int) -> dict[str, int]:
    """Who is told, and how many minutes from now."""
    messages = Router(settings, LocalCalendar()).messages(alert, now_us)
    return {message.channel: (message.due_us - now_us) // MINUTE for message in messages}


@pytest.mark.parametrize(
    ("route", "at_us", "is_told"),
    [
        ({}, SUNDAY_NIGHT, True),
        ({"buildings": ("school",)}, SUNDAY_NIGHT, True),
        ({"buildings": ("pool",)}, SUNDAY_NIGHT, False),
        ({"kinds": ("leak", "gap")}, SUNDAY_NIGHT, True),
        ({"kinds": ("gap",)}, SUNDAY_NIGHT, False),
        ({"severity": "warning"}, SUNDAY_NIGHT, True),
        ({"severity": "critical"}, SUNDAY_NIGHT, False),
        ({"days": "workdays"}, SUNDAY_NIGHT, False),
        ({"days": "weekend"}, SUNDAY_NIGHT, True),
        ({"days": "workdays"}, MONDAY_NOON, True),
        ({"hours": "06:00-18:00"}, SUNDAY_NIGHT, False),
        ({"hours": "06:00-18:00"}, MONDAY_NOON, True),
        ({"hours": "18:00-06:00"}, SUNDAY_NIGHT, True),
    ],
)
def test_a_route_is_for_some_alerts_at_some_times(
    book: AlertBook, route: dict[str, object], at_us: int, *, is_told: bool
) -> None:
    settings = AlertSettings(recipients=(person("weber"),), routes=(RouteSettings(to=("weber",), **route),))  # type: ignore[arg-type]
    assert bool(told(settings, raised(book, at_us), at_us)) == is_told


def test_without_routes_everybody_is_told_of_everything(book: AlertBook) -> None:
    settings = AlertSettings(recipients=(person("weber"), person("ali")))
    assert told(settings, raised(book, SUNDAY_NIGHT), SUNDAY_NIGHT) == {"weber": 0, "ali": 0}
    assert told(AlertSettings(), raised(book, SUNDAY_NIGHT), SUNDAY_NIGHT) == {}


def test_quiet_hours_and_digests_hold_back_what_is_not_critical(book: AlertBook) -> None:
    people = (person("night", "22:00-06:00"), person("day", None, "07:30"), person("both", "00:00-09:00", "07:30"))
    settings = AlertSettings(recipients=people)
    assert told(settings, raised(book, SUNDAY_NIGHT), SUNDAY_NIGHT) == {"night": 180, "day": 270, "both": 360}
    critical = raised(book, SUNDAY_NIGHT, "gateway_down", Severity.CRITICAL)
    assert told(settings, critical, SUNDAY_NIGHT) == {"night": 0, "day": 0, "both": 0}


def test_every_address_of_a_recipient_is_a_channel(book: AlertBook) -> None:
    weber = RecipientSettings(id="weber", urls=(SecretStr("json://x"), SecretStr("json://y")))
    alert = raised(book, SUNDAY_NIGHT)
    assert set(told(AlertSettings(recipients=(weber,)), alert, SUNDAY_NIGHT)) == {"weber", "weber#2"}


def test_raised_again_on_another_day_it_is_told_again(book: AlertBook) -> None:
    router = Router(AlertSettings(recipients=(person("weber"),)), LocalCalendar())
    alert = raised(book, SUNDAY_NIGHT)
    turns = []
    for hours in (2, 30):
        book.resolve_quiet(SUNDAY_NIGHT + (hours - 1) * HOUR, 0)
        at_us = SUNDAY_NIGHT + hours * HOUR
        again = book.report(finding(SUNDAY_NIGHT, at_us, alert.cause), at_us)
        turns += [message.turn for message in router.messages(again, at_us)]
    assert turns == [0, 1]


def test_a_route_that_closed_meanwhile_still_escalates(book: AlertBook) -> None:
    route = RouteSettings(to=("a",), hours="11:30-12:10", escalate_after_min=20, escalate_to=("b",))
    settings = AlertSettings(recipients=(person("a"), person("b", "00:00-23:59")), routes=(route,))
    alert = raised(book, MONDAY_NOON)
    assert told(settings, alert, MONDAY_NOON + 20 * MINUTE) == {"b": 0}
    assert told(settings, alert, MONDAY_NOON + 5 * MINUTE) == {"a": 0}


def test_what_cannot_be_is_said() -> None:
    settings = AlertSettings(routes=(RouteSettings(to=("weber",), escalate_to=("nobody",)),))
    with pytest.raises(ValueError, match="nobody, weber"):
        Router(settings, LocalCalendar())
    for wrong in ("22-6", "25:00-06:00", "06:00-06:00", "morgens"):
        with pytest.raises(ValidationError, match="no hours"):
            RouteSettings(to=("a",), hours=wrong)
    with pytest.raises(ValidationError, match="no time of day"):
        person("a", digest="7.30")


def test_notify_is_short_for_everything_at_once(book: AlertBook) -> None:
    route = RouteSettings(to=("weber",), kinds=("gap",))
    settings = AnalyticsSettings(
        notify=(SecretStr("json://x"),), alerts=AlertSettings(recipients=(person("weber"),), routes=(route,))
    )
    assert told(settings.alerting, raised(book, SUNDAY_NIGHT), SUNDAY_NIGHT) == {"notify[0]": 0}
    alone = AnalyticsSettings(notify=(SecretStr("json://x"),), alerts=AlertSettings(recipients=(person("weber"),)))
    assert set(told(alone.alerting, raised(book, SUNDAY_NIGHT), SUNDAY_NIGHT)) == {"weber", "notify[0]"}


times = st.times().map(lambda moment: moment.replace(second=0, microsecond=0))


@given(begin=times, end=times, now=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)))  # noqa: DTZ001
def test_hours_and_their_complement_are_the_day(begin: time, end: time, now: datetime) -> None:
    local = now.replace(tzinfo=BERLIN)
    if begin != end:
        assert (local in DayHours(begin, end)) != (local in DayHours(end, begin))
    after = next_at(local, end)
    assert after.time() == end
    assert 0 < (after.replace(tzinfo=None) - now).total_seconds() <= DAY / 1e6
