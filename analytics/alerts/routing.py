"""Who is to be told of an alert, why and when. No I/O: what was told before is the outbox's to know."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from analytics.alerts.alert import Alert, State
from analytics.alerts.day_hours import DayHours, next_at, time_of_day
from analytics.alerts.outbox import ESCALATED, OPENED, WORSENED, Message
from analytics.alerts.settings import AlertSettings, RecipientSettings, RouteSettings
from metering.event import Severity
from metering.instant import DAY, MINUTE, from_datetime
from metering.localtime import LocalCalendar


@dataclass(frozen=True, slots=True)
class Channel:
    """One address of a recipient; its name is the recipient's id, with a number from the second on."""

    name: str
    url: str
    recipient: RecipientSettings


def channels(recipients: Sequence[RecipientSettings]) -> list[Channel]:
    return [
        Channel(f"{recipient.id}#{number}" if number > 1 else recipient.id, url.get_secret_value(), recipient)
        for recipient in recipients
        for number, url in enumerate(recipient.urls, 1)
    ]


class Router:
    """Routes of the settings. Raises ValueError for one that leads to nobody."""

    def __init__(self, settings: AlertSettings, calendar: LocalCalendar) -> None:
        self._calendar = calendar
        everyone = tuple(recipient.id for recipient in settings.recipients)
        self._routes = settings.routes or ((RouteSettings(to=everyone),) if everyone else ())
        self._channels: dict[str, list[Channel]] = {name: [] for name in everyone}
        for channel in channels(settings.recipients):
            self._channels[channel.recipient.id].append(channel)
        unknown = {name for route in self._routes for name in (*route.to, *route.escalate_to)} - set(everyone)
        if unknown:
            raise ValueError(
                f"analytics.alerts.routes name recipients that there are not: {', '.join(sorted(unknown))}"
            )

    def messages(self, alert: Alert, now_us: int) -> Iterator[Message]:
        """What is to be told of the alert by now; the same again each time it is asked, until the alert changes."""
        if alert.state is not State.OPEN or alert.is_muted(now_us):
            return
        local = self._calendar.local(now_us)
        for route in self._routes:
            if not route.takes(alert.building, alert.kind, alert.severity):
                continue
            is_open, was_open = route.is_open(local), route.is_open(self._calendar.local(alert.raised_us))
            for recipient in route.to if is_open else ():
                yield from self._to(recipient, alert, WORSENED if alert.worsened else OPENED, now_us)
            late = route.escalate_after_min
            if (is_open or was_open) and late is not None and now_us >= alert.raised_us + int(late * MINUTE):
                for recipient in route.escalate_to:
                    yield from self._to(recipient, alert, ESCALATED, now_us)

    def _to(self, recipient: str, alert: Alert, reason: str, now_us: int) -> Iterator[Message]:
        turn = alert.worsened if reason == WORSENED else (alert.raised_us - alert.opened_us) // DAY
        for channel in self._channels[recipient]:
            is_urgent = reason == ESCALATED or alert.severity is Severity.CRITICAL
            due_us = now_us if is_urgent else _due(channel.recipient, self._calendar.local(now_us))
            yield Message(alert.id, channel.name, reason, turn, due_us)


def _due(recipient: RecipientSettings, local: datetime) -> int:
    """When the recipient may be told of what is not urgent: with the digest, after the quiet hours, or now."""
    if recipient.digest is not None:
        local = next_at(local, time_of_day(recipient.digest))
    if recipient.quiet is not None and local in (quiet := DayHours.parse(recipient.quiet)):
        local = next_at(local, quiet.end)
    return from_datetime(local)
