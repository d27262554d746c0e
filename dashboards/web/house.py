"""What every page and route may use."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from analytics.carbon.factors import FactorSet
from dashboards.settings import WebSettings
from dashboards.web.inbox import Inbox
from dashboards.web.queries import Queries
from metering.clock import Clock
from metering.estate import Estate
from metering.localtime import LocalCalendar
from metering.texts import Language

Health = Callable[[], Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class House:
    """One for the process, handed to every page.

    language  what a first-time visitor sees
    factors   the emission factors that analytics computes with, None if unknown
    health    further states for the health page, from whoever runs the app; None if there are none
    """

    estate: Estate
    queries: Queries
    inbox: Inbox
    settings: WebSettings
    language: Language
    clock: Clock
    calendar: LocalCalendar
    factors: FactorSet | None
    health: Health | None
