"""The house as a visitor may see it: with the visitor's own buildings only, and their alerts, values and reports."""

import inspect
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from analytics.reports.figure import FigureId
from analytics.reports.trace import Trace
from dashboards.web.access.rights import Permission
from dashboards.web.access.visitor import EVERYBODY, Visitor
from dashboards.web.inbox import Inbox
from dashboards.web.queries import Queries
from dashboards.web.reports import Reports
from dashboards.web.views import by_local_day
from metering.estate import Estate
from metering.localtime import LocalCalendar
from metering.samples import Samples

if TYPE_CHECKING:
    from analytics.alerts.alert import Alert
    from analytics.alerts.book import AlertBook
    from dashboards.web.house import House

_KEPT = 256


class Sight:
    """Makes houses for visitors out of the whole one, and keeps them, so that all who see the same share queries."""

    def __init__(self, whole: "House", book: "AlertBook") -> None:
        self._whole = whole
        self._book = book
        self._part = lru_cache(_KEPT)(self._make_part)
        self._of = lru_cache(_KEPT)(self._make)

    def of(self, visitor: Visitor) -> "House":
        """What the visitor may see."""
        return self._of(visitor)

    def _make(self, visitor: Visitor) -> "House":
        is_whole = visitor.buildings is None and visitor.may(Permission.VALUES)
        part = self._whole if is_whole else self._part(visitor.buildings, visitor.may(Permission.VALUES))
        if visitor == EVERYBODY:
            return replace(part, visitor=visitor)
        seen = cast("AlertBook", _SeenBook(self._book, visitor))
        return replace(part, visitor=visitor, inbox=Inbox(seen, part.clock, part.settings.refresh_s))

    def _make_part(self, buildings: frozenset[str] | None, has_profiles: bool) -> "House":  # noqa: FBT001
        whole = self._whole
        estate = whole.estate if buildings is None else part_of(whole.estate, buildings)
        store, reports = whole.queries.store, whole.reports
        queries = Queries(store, estate, whole.clock, whole.calendar, whole.settings.refresh_s)
        if reports is not None:
            make = Reports if has_profiles else _ReportsByDay
            reports = make(store, estate, reports.rules, whole.clock, whole.calendar)
        return replace(whole, estate=estate, queries=queries, reports=reports)


class _ReportsByDay(Reports):
    """Reports that lead down to local days, and to no load profile."""

    async def trace(self, figure: FigureId) -> Trace:
        return by_day(await super().trace(figure), self._calendar)


def by_day(found: Trace, calendar: LocalCalendar) -> Trace:
    """The same without a load profile: intervals added up by local day, the first and the last register reading."""
    readings = found.readings
    ends = sorted({0, len(readings) - 1}) if len(readings) else []
    few = Samples.of(readings.times_us[ends], readings.values[ends], readings.qualities[ends]) if ends else readings
    return replace(found, intervals=by_local_day(found.intervals, calendar), readings=few)


def part_of(estate: Estate, buildings: frozenset[str]) -> Estate:
    """Some buildings, with what is in them. A virtual meter that is computed from others' meters is not among it.

    A meter that is part of one elsewhere is no part of anything here.
    """
    meters = {meter.id: meter for meter in estate.meters.values() if meter.building in buildings}
    for group in estate.computed_after():
        for meter in group:
            if meter.formula is not None and not set(meter.formula.meters) <= meters.keys():
                meters.pop(meter.id, None)
    meters = {
        id_: meter if meter.parent is None or meter.parent in meters else replace(meter, parent=None)
        for id_, meter in meters.items()
    }
    own = {meter.device for meter in meters.values()}
    kept = {id_: building for id_, building in estate.buildings.items() if id_ in buildings}
    sites = {building.site for building in kept.values()}
    devices = {
        id_: device if device.building in buildings else replace(device, building=None)
        for id_, device in estate.devices.items()
        if device.building in buildings or id_ in own
    }
    return Estate({id_: site for id_, site in estate.sites.items() if id_ in sites}, kept, devices, meters)


class _SeenBook:
    """An alert book that tells of the visitor's buildings only, and signs what is done with the visitor's name."""

    def __init__(self, book: "AlertBook", visitor: Visitor) -> None:
        self._book = book
        self._visitor = visitor

    def list(self, *, building: str | None = None, limit: int = 1000, **more: Any) -> "Sequence[Alert]":  # noqa: ANN401
        wanted: list[str | None] = [building]
        if self._visitor.buildings is not None:
            wanted = [own for own in sorted(self._visitor.buildings) if building in (None, own)]
        found = [alert for own in wanted for alert in self._book.list(building=own, limit=limit, **more)]
        return sorted(found, key=lambda alert: -alert.first_us)[:limit]

    def get(self, alert_id: str) -> "Alert":
        """Raises LookupError for others' alerts too, so that nobody learns of them."""
        alert = self._book.get(alert_id)
        if self._visitor.buildings is not None and alert.building not in self._visitor.buildings:
            raise LookupError(f"there is no alert {alert_id!r}")
        return alert

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        """What is done about one alert; its id comes first."""
        method = getattr(self._book, name)

        def do(alert_id: str, *args: object, **more: object) -> object:
            if not self._visitor.may(Permission.ACT):
                raise PermissionError(f"{self._visitor.name} may not act on alerts")
            self.get(alert_id)
            call = inspect.signature(method).bind(alert_id, *args, **more)
            if self._visitor.name and "who" in call.arguments:
                call.arguments["who"] = self._visitor.name
            return method(*call.args, **call.kwargs)

        return do
