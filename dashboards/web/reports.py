"""CO2 and energy reports for pages and API: made once for all who ask the same, one at a time."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from functools import partial

from analytics.carbon import view as views
from analytics.carbon.view import View
from analytics.reports.building import sheet
from analytics.reports.building.made import UPSTREAM, energy_report
from analytics.reports.figure import CITY, FigureId
from analytics.reports.formats import html_file, write
from analytics.reports.frozen import freeze
from analytics.reports.period import Period
from analytics.reports.report import Report
from analytics.reports.rules import Rules
from analytics.reports.trace import Trace, trace
from metering.clock import Clock
from metering.estate import Estate
from metering.instant import MINUTE
from metering.localtime import LocalCalendar
from metering.texts import Language
from storage.protocol import Store

_KEPT = 8
_FRESH_US = 5 * MINUTE


@dataclass(frozen=True, slots=True)
class Asked:
    """What a report is about: a period, a view (None: the live factors) and a place."""

    period: Period
    view: str | None = None
    place: str = CITY


class Reports:
    """Raises LookupError for views and places that do not exist, and what the store raises."""

    def __init__(self, store: Store, estate: Estate, rules: Rules, clock: Clock, calendar: LocalCalendar) -> None:
        self.rules = rules
        self._store = store
        self._estate = estate
        self._clock = clock
        self._calendar = calendar
        self._made: OrderedDict[Asked, tuple[int, Report]] = OrderedDict()
        self._making = asyncio.Lock()  # a city's year takes seconds and much memory

    @property
    def views(self) -> list[View]:
        """The live factors first."""
        return [self.rules.view(), *(self.rules.view(name) for name in views.names())]

    @property
    def places(self) -> dict[str, str]:
        """The places there are reports of, by id; of the city the name is empty."""
        sites = {f"site:{site.id}": site.name for site in self._estate.sites.values()}
        buildings = {f"building:{building.id}": building.name for building in self._estate.buildings.values()}
        return {CITY: "", **sites, **buildings}

    async def report(self, asked: Asked) -> Report:
        """With its manifest; at most five minutes old. Raises ValueError if the period has not begun."""
        async with self._making:
            now_us = self._clock.now_us()
            at_us, made = self._made.get(asked, (0, None))
            if made is None or not 0 <= now_us - at_us < _FRESH_US:
                made = await self._make(asked)
                self._made[asked] = now_us, made
                self._made.move_to_end(asked)
                while len(self._made) > _KEPT:
                    self._made.popitem(last=False)
            return made

    async def file(self, asked: Asked, extension: str, language: Language) -> bytes:
        """In one of the report formats."""
        report = await self.report(asked)
        make = partial(html_file.write, trace="/trace/") if extension == "html" else partial(write, extension=extension)
        async with self._making:
            return await asyncio.to_thread(make, report, language=language)

    async def energy(self, building: str, asked: Asked, extension: str, language: Language) -> bytes:
        """The energy report of a building, by its id. Raises ValueError for a view that tells scopes apart, too."""
        period, view = self._past(asked.period), self.rules.view(asked.view or UPSTREAM)
        async with self._making:
            rows = await energy_report(self._store, self._estate, building, period, self.rules, view)
            return await asyncio.to_thread(sheet.write, rows, view, extension, language)

    async def trace(self, figure: FigureId) -> Trace:
        """The way down from a figure."""
        async with self._making:
            return await trace(self._store, self._estate, figure, self.rules)

    async def _make(self, asked: Asked) -> Report:
        period = self._past(asked.period)
        return await freeze(self._store, self._estate, period, self.rules, self.rules.view(asked.view), asked.place)

    def _past(self, period: Period) -> Period:
        """What of the period is over, today included. Raises ValueError if it has not begun."""
        return period.until(self._calendar.tomorrow(self._clock.now_us()))
