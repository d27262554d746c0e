"""Settings of alerts: when they are raised, and who is told of them."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from analytics.alerts.day_hours import DayHours, time_of_day
from metering.event import Severity
from metering.strict import Strict

Days = Literal["all", "workdays", "weekend"]


def _hours(text: str) -> str:
    DayHours.parse(text)
    return text


def _time(text: str) -> str:
    time_of_day(text)
    return text


HoursText = Annotated[str, AfterValidator(_hours)]
TimeText = Annotated[str, AfterValidator(_time)]


class RecipientSettings(Strict):
    """A person, or a channel of a team."""

    id: str = Field(min_length=1, pattern=r"^[^#]+$")
    """What routes call it."""
    name: str = ""
    """Its name for people; the id if left out."""
    urls: tuple[SecretStr, ...] = Field(min_length=1)
    """Where it is reached: Apprise URLs such as mailto://user:pass@host?to=weber@example.org, msteams://, ntfy://,
    json:// (a webhook) or mqtt://; every one of them is used."""
    quiet: HoursText | None = None
    """Local hours in which only critical alerts are sent, such as 22:00-06:00; the others wait for their end."""
    digest: TimeText | None = None
    """Local time of a daily message with all that is not critical, such as 07:30; left out, each is sent at once."""


class RouteSettings(Strict):
    """Who is told of which alerts. An alert takes every route that fits."""

    to: tuple[str, ...] = Field(min_length=1)
    """Ids of recipients."""
    buildings: tuple[str, ...] = ()
    """Ids of buildings; any, and what concerns no single one, if left out."""
    kinds: tuple[str, ...] = ()
    """Kinds of alerts such as leak or silent; any if left out."""
    severity: Literal["info", "warning", "critical"] = "info"
    """The least severity."""
    hours: HoursText | None = None
    """Local hours in which the route is open, such as 06:00-18:00; always if left out."""
    days: Days = "all"
    """Local days on which the route is open: all, workdays (Monday to Friday) or weekend."""
    escalate_after_min: float | None = Field(default=None, gt=0)
    """After so many minutes in which nobody acknowledges …"""
    escalate_to: tuple[str, ...] = ()
    """… these recipients are told, whatever their quiet hours."""

    def takes(self, building: str, kind: str, severity: Severity) -> bool:
        """Whether the route is for such an alert."""
        fits_building = not self.buildings or building in self.buildings
        fits_kind = not self.kinds or kind in self.kinds
        return fits_building and fits_kind and severity >= Severity[self.severity.upper()]

    def is_open(self, local: datetime) -> bool:
        """Whether it is open at the local time."""
        is_weekend = local.weekday() >= 5
        fits_day = self.days == "all" or (self.days == "weekend") == is_weekend
        return fits_day and (self.hours is None or local in DayHours.parse(self.hours))


class AlertSettings(Strict):
    """When to alert, and whom."""

    budget: float = Field(default=0.5, gt=0, le=30)
    """False alarms per meter and month that are acceptable: less means fewer alerts and later ones."""
    quiet_h: float = Field(default=6.0, gt=0)
    """After so many hours without a new sign an alert is resolved by itself."""
    days: int = Field(default=7, ge=1)
    """How far back a first analysis of a history opens alerts."""
    recipients: tuple[RecipientSettings, ...] = ()
    """People and channels."""
    routes: tuple[RouteSettings, ...] = ()
    """Who is told of what; without any, every recipient is told of everything."""
    web_url: str | None = Field(default=None, pattern=r"^https?://\S+$")
    """Address of the web app as recipients reach it, such as https://leitwarte.example.org: messages link there."""
