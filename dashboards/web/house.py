"""What every page and route may use."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from dashboards.settings import WebSettings
from dashboards.web.access.accounts import Accounts
from dashboards.web.access.visitor import EVERYBODY, Visitor
from dashboards.web.exchanges import Exchanges
from dashboards.web.inbox import Inbox
from dashboards.web.operations import Operations
from dashboards.web.queries import Queries
from dashboards.web.reports import Reports
from metering.clock import Clock
from metering.estate import Estate
from metering.localtime import LocalCalendar
from metering.texts import Language

Health = Callable[[], Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class House:
    """What is there, and for pages and routes what of it their visitor may see: they take it from `house_of`.

    language  what a first-time visitor sees
    reports   CO2 and energy reports by the rules that analytics computes with, None without rules
    health    further states for the health page, from whoever runs the app; None if there are none
    accounts  None without sign-in
    operations  for the operator's pages, from whoever runs the app
    exchanges   of meters, to be noted
    visitor   for whom it is
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
    accounts: Accounts | None = None
    operations: Operations | None = None
    exchanges: Exchanges | None = None
    visitor: Visitor = EVERYBODY


def house_of(request: Request) -> House:
    """The house as whoever asks may see it, as `dashboards.web.security` found."""
    house: House = request.state.house
    return house


Seen = Annotated[House, Depends(house_of)]
