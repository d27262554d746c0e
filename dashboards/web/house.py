"""What every page and route may use."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dashboards.settings import WebSettings
from dashboards.web.inbox import Inbox
from dashboards.web.queries import Queries
from dashboards.web.reports import Reports
from metering.clock import Clock
from metering.estate import Estate
from metering.localtime import LocalCalendar
from metering.texts import Language

Health = Callable[[], Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class House:
    """One for the process, handed to every page.

    language  what a first-time visitor sees
    reports   CO2 and energy reports by the rules that analytics computes with, None without rules
    health    further states for the health page, from whoever runs the app; None if there are none
    """

    estate: Estate
    queries: Queries
    inbox: Inbox
    settings: WebSettings
    language: Language
    clock: Clock
    calendar: LocalCalendar
    reports: Reports | None
    health: Health | None
