"""For the operator: what was set aside, what the settings do, factor sets with their sources, who did what."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import date
from typing import TypeVar

from fastapi import Request
from nicegui import ui

from analytics.carbon.factor import Factor
from dashboards.web import parts
from dashboards.web.access.accounts import Entry
from dashboards.web.access.rights import Role
from dashboards.web.frame import Desk
from dashboards.web.house import House
from dashboards.web.operations import Checked, SetAside
from dashboards.web.parts import Column, Row
from metering.estate import Carrier
from storage.protocol import StoreUnavailable

_T = TypeVar("_T")
_MOST = 500


def register(house: House) -> None:
    """Add the page."""

    @ui.page("/operation")
    async def operation(request: Request, show: str = "") -> None:
        desk = Desk(house, request)
        chosen = show if show in _VIEWS else next(iter(_VIEWS))
        with desk.frame("operation", desk.texts("page.operation")):
            parts.heading(desk.texts("page.operation"), desk.texts("operation.subtitle"))
            with ui.element("nav").classes("choice links").props(f'aria-label="{desk.texts("page.operation")}"'):
                for key in _VIEWS:
                    link = ui.link(desk.texts(f"operation.{key}"), f"/operation?show={key}")
                    if key == chosen:
                        link.classes("on").props('aria-current="page"')
            with parts.card(desk.texts(f"operation.{chosen}")):
                await _VIEWS[chosen](desk)


async def _set_aside(desk: Desk) -> None:
    operations, say = desk.house.operations, desk.texts
    if operations is None:
        ui.label(say("operation.elsewhere"))
        return

    def show(cases: Sequence[SetAside] | None) -> None:
        if cases is None:
            ui.label(say("operation.elsewhere"))
            return
        ui.label(say("operation.replay")).classes("fine")
        columns = [
            Column("time", say("column.time")),
            Column("source", say("column.source")),
            Column("about", say("column.about"), wide=True),
            Column("reason", say("column.reason")),
            Column("payload", say("column.payload"), wide=True),
        ]
        rows: list[Row] = [
            {
                "id": case.id,
                "time": desk.formats.time(case.time_us),
                "time_by": -case.time_us,
                "source": case.source,
                "about": case.about,
                "reason": desk.formats.reason(case.reason),
                "payload": case.payload,
            }
            for case in cases
        ]
        parts.Table(columns, say("operation.none"), page_size=25).show(rows)

    await desk.follow(lambda: _off_loop(lambda: operations.set_aside(_MOST)), show, placeholder="rows")


async def _settings(desk: Desk) -> None:
    operations, say = desk.house.operations, desk.texts
    if operations is None:
        ui.label(say("operation.elsewhere"))
        return

    def show(checked: Checked) -> None:
        ui.label(say("operation.settings.note")).classes("fine")
        for remark in checked.remarks:
            ui.label(remark).classes("remark").props('role="note"')
        ui.label("\n".join(checked.does)).classes("lines").props(f'tabindex="0" role="region" aria-label="{title}"')

    title = say("operation.settings")
    await desk.follow(lambda: _off_loop(lambda: operations.settings(desk.language)), show, placeholder="rows")


async def _factors(desk: Desk) -> None:
    say, reports = desk.texts, desk.house.reports
    if reports is None:
        ui.label(say("co2.basis.unknown"))
        return
    factors = reports.rules.factors
    ui.label(factors.title[desk.language]).classes("explanation")
    columns = [
        Column("carrier", say("column.carrier")),
        Column("years", say("column.valid")),
        Column("value", "g/kWh", "number"),
        Column("gases", say("column.gases"), wide=True),
        Column("source", say("column.source"), "link", wide=True),
    ]
    newest_first = sorted(factors.factors, key=lambda factor: -factor.start.toordinal())
    rows = [_factor(desk, number, factor) for number, factor in enumerate(newest_first)]
    parts.Table(columns, say("plot.empty"), page_size=25).show(rows)


def _factor(desk: Desk, number: int, factor: Factor) -> Row:
    first, last = factor.start.year, date.fromordinal(factor.end.toordinal() - 1).year
    known = {carrier.value for carrier in Carrier}
    return {
        "id": f"{number} {factor.id}",
        "carrier": desk.texts(f"carrier.{factor.carrier}") if factor.carrier in known else factor.carrier,
        "years": str(first) if first == last else f"{first}–{last}",
        "years_by": -first,
        "value": f"{factor.g_per_kwh:f}".replace(".", "," if desk.language == "de" else "."),
        "value_by": float(factor.g_per_kwh),
        "gases": f"{factor.gases.replace('CO2', 'CO₂')} · {desk.texts(f'boundary.{factor.boundary}')}",
        "source": f"{factor.publisher}: {factor.document}, {factor.page}",
        "source_to": factor.url if factor.url.startswith("https://") else None,
    }


async def _log(desk: Desk) -> None:
    accounts, say = desk.house.accounts, desk.texts
    if accounts is None:
        ui.label(say("operation.no_sign_in"))
        return

    roles = {role.value: say(f"role.{role}") for role in Role}

    def show(entries: Sequence[Entry]) -> None:
        columns = [
            Column("time", say("column.time")),
            Column("who", say("column.who")),
            Column("action", say("column.action")),
            Column("subject", say("column.subject"), wide=True),
            Column("detail", say("column.detail"), wide=True),
            Column("address", say("column.address"), wide=True),
        ]
        rows: list[Row] = [
            {
                "id": str(number),
                "time": desk.formats.time(entry.time_us),
                "time_by": -entry.time_us,
                "who": entry.who,
                "action": say(f"log.{entry.action}"),
                "subject": entry.subject,
                "detail": roles.get(entry.detail, entry.detail),
                "address": entry.address,
            }
            for number, entry in enumerate(entries)
        ]
        parts.Table(columns, say("operation.none"), page_size=25).show(rows)

    await desk.follow(lambda: _off_loop(accounts.log), show, placeholder="rows")


_VIEWS = {"set_aside": _set_aside, "settings": _settings, "factors": _factors, "log": _log}


async def _off_loop(ask: Callable[[], _T]) -> _T:
    """Raises StoreUnavailable where the disk fails, as pages know it."""
    try:
        return await asyncio.to_thread(ask)
    except OSError as error:
        raise StoreUnavailable(str(error)) from error
