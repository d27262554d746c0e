"""CO2: what the buildings emitted, day by day or month by month, and how complete the figures are."""

import re
from collections.abc import Callable, Sequence
from functools import partial

from fastapi import Request
from nicegui import ui

from analytics.carbon.target import Target
from dashboards.web import parts, views
from dashboards.web.frame import Desk, Update
from dashboards.web.house import House
from dashboards.web.parts import Column, Row
from dashboards.web.views import Emissions, TargetYear
from metering.estate import Carrier

_PERIOD = re.compile(r"(\d{4})(?:-(\d{2}))?")
_REFRESH_S = 60.0
_LARGEST = 7
"""So many buildings have a colour of their own in the plot; the others are shown as one."""


def register(house: House) -> None:
    """Add the page."""

    @ui.page("/co2")
    async def co2(request: Request, period: str = "") -> None:
        desk = Desk(house, request)
        year, month = _chosen(desk, period)
        with desk.frame("co2", desk.texts("page.co2")):
            parts.heading(desk.texts("co2.title"), desk.texts("co2.subtitle"))
            _switch(desk, year, month)
            periods = views.parts_of(year, month, desk.house.calendar)
            labels = [
                desk.texts(f"month.{number}")[:3] if month is None else str(number)
                for number in range(1, len(periods) + 1)
            ]
            ask = partial(desk.house.queries.emissions, periods)
            await desk.follow(ask, lambda first: _report(desk, labels, first), _REFRESH_S, "tall")
            await _target(desk)
            with parts.card(desk.texts("co2.basis"), "basis"):
                edition = (
                    desk.house.reports.rules.factors.title[desk.language]
                    if desk.house.reports
                    else desk.texts("co2.basis.unknown")
                )
                parts.facts(
                    [
                        (desk.texts("co2.basis.factors"), edition),
                        (desk.texts("co2.basis.meters"), desk.texts("co2.basis.meters.text")),
                        (desk.texts("co2.basis.completeness"), desk.texts("co2.basis.completeness.text")),
                    ]
                )


async def _target(desk: Desk) -> None:
    """Years against the path to the target, for those who see all buildings: it is a path of all of them together."""
    target = desk.house.reports.rules.target if desk.house.reports else None
    if target is not None and desk.visitor.buildings is None:
        await desk.follow(partial(desk.house.queries.target_years, target), partial(_path, desk, target))


def _path(desk: Desk, target: Target, years: Sequence[TargetYear]) -> None:
    say, formats = desk.texts, desk.formats
    groups: dict[str, Callable[[TargetYear], bool]] = {
        "given": lambda year: year.is_given,
        "measured": lambda year: not year.is_given and year.is_whole,
        "part": lambda year: not year.is_whole,
    }
    bars = {
        say(f"target.{group}"): [_tonnes(year.emitted_kg) if belongs(year) else None for year in years]
        for group, belongs in groups.items()
        if any(year.emitted_kg is not None and belongs(year) for year in years)
    }
    line = say("target.line"), [_tonnes(year.path_kg) for year in years]
    with parts.card(say("target.title")):
        plot = parts.Plot(say("target.title"), say("plot.empty"), "tall")
        has_values = bool(bars) or years[0].path_kg is not None
        plot.show(desk.charts.bars_and_line([str(y.year) for y in years], bars, line, "t CO₂e") if has_values else None)
        aims = ", ".join(
            say("target.aim", percent=say.number(float(100 * share), 0), year=year)
            for year, share in target.reductions.items()
        )
        base = formats.value(years[0].emitted_kg if years[0].path_kg is not None else None, "kg")
        told = [
            (say("target.aims"), say("target.aims.text", aims=aims, year=target.base_year, base=base)),
            *((say("target.year", year=year.year), _against_path(desk, year)) for year in _told(years)),
            (say("target.source"), target.source),
        ]
        if years[0].path_kg is None:
            told.insert(1, (say("target.base"), say("target.base.unknown", year=target.base_year)))
        parts.facts(told)


def _told(years: Sequence[TargetYear]) -> list[TargetYear]:
    """The last year that can be held against the path, and what is known of later ones."""
    known = [year for year in years if year.emitted_kg is not None and year.path_kg is not None]
    whole = [year for year in known if year.is_whole]
    return [year for year in known if not whole or year.year >= whole[-1].year][-2:]


def _against_path(desk: Desk, year: TargetYear) -> str:
    say, formats = desk.texts, desk.formats
    emitted, path = formats.value(year.emitted_kg, "kg"), formats.value(year.path_kg, "kg")
    if not year.is_whole:
        return say("target.so_far", emitted=emitted, path=path, measured=formats.percent(year.completeness))
    assert year.emitted_kg is not None
    if not year.path_kg:
        return say("target.zero", emitted=emitted)
    off = year.emitted_kg / year.path_kg - 1
    text = "target.over" if off > 0 else "target.under"
    return say(text, emitted=emitted, path=path, percent=say.number(abs(100 * off), 1))


def _tonnes(kilograms: float | None) -> float | None:
    return None if kilograms is None else kilograms / 1000


def _chosen(desk: Desk, period: str) -> tuple[int, int | None]:
    """The year and month of an address such as ?period=2026-11; the present month for anything else."""
    today = desk.house.calendar.date_of(desk.house.clock.now_us())
    match = _PERIOD.fullmatch(period)
    if match is None or not 1970 < int(match[1]) < 2200 or not 1 <= int(match[2] or 1) <= 12:
        return today.year, today.month
    return int(match[1]), int(match[2]) if match[2] else None


def _switch(desk: Desk, year: int, month: int | None) -> None:
    today = desk.house.calendar.date_of(desk.house.clock.now_us())
    before, after = views.neighbours(year, month)
    with ui.element("div").classes("period"):
        _arrow(desk, "chevron_left", "co2.before", before)
        ui.label(str(year) if month is None else desk.formats.month(year, month)).classes("period-name")
        if (after[0], after[1] or 1) <= (today.year, today.month if after[1] else 12):
            _arrow(desk, "chevron_right", "co2.after", after)
        with ui.element("div").classes("choice links"):
            ui.link(
                desk.texts("co2.month"), _address(year, month or (today.month if year == today.year else 12))
            ).classes("" if month is None else "on")
            ui.link(desk.texts("co2.year"), _address(year, None)).classes("on" if month is None else "")


def _arrow(desk: Desk, icon: str, key: str, period: tuple[int, int | None]) -> None:
    with ui.link(target=_address(*period)).classes("arrow") as link:
        ui.icon(icon)
    link.props["aria-label"] = desk.texts(key)


def _address(year: int, month: int | None) -> str:
    return f"/co2?period={year}" if month is None else f"/co2?period={year}-{month:02}"


def _report(desk: Desk, labels: Sequence[str], first: Sequence[Emissions]) -> Update[Sequence[Emissions]]:
    say, formats = desk.texts, desk.formats
    with ui.element("div").classes("tiles three"):
        whole = parts.Tile(say("co2.total"))
        energy = parts.Tile(say("co2.energy"))
        complete = parts.Tile(say("co2.completeness"))
    with parts.card(say("co2.plot")):
        plot = parts.Plot(say("co2.plot"), say("plot.empty"), "tall")
    columns = [
        Column("name", say("column.building"), "link"),
        Column("electricity", say("carrier.electricity"), "number", wide=True),
        Column("heat", say("carrier.heat"), "number", wide=True),
        Column("gas", say("carrier.gas"), "number", wide=True),
        Column("emissions", say("column.co2"), "number"),
        Column("completeness", say("co2.completeness"), "state"),
    ]
    with parts.card(say("co2.buildings")):
        table = parts.Table(columns, say("plot.empty"))

    def update(rows: Sequence[Emissions]) -> None:
        kilograms = views.total(row.emissions_kg for row in rows)
        share = views.share(sum(row.measured for row in rows), sum(row.expected for row in rows))
        whole.show(formats.value(kilograms.value, "kg"), say("co2.total.note"))
        used = views.total(row.energy.get(carrier) for row in rows for carrier in (Carrier.ELECTRICITY, Carrier.HEAT))
        energy.show(formats.value(used.value, "kWh"), say("co2.energy.note"))
        complete.show(formats.word(formats.percent(share)), say("co2.completeness.note"), _tone(share))
        stacks = _stacks(rows, say("co2.others"))
        plot.show(desk.charts.bars(labels, stacks, "kg CO₂e") if kilograms.value is not None else None)
        table.show([_row(desk, row) for row in rows])

    update(first)
    return update


def _stacks(rows: Sequence[Emissions], others: str) -> dict[str, tuple[float | None, ...]]:
    largest, rest = rows[:_LARGEST], rows[_LARGEST:]
    stacks = {row.building.name: row.by_part for row in largest}
    if rest:
        stacks[others] = tuple(views.total(part).value for part in zip(*(row.by_part for row in rest), strict=True))
    return stacks


def _row(desk: Desk, row: Emissions) -> Row:
    formats = desk.formats
    cells: dict[str, str | float | None] = {
        "id": row.building.id,
        "name": row.building.name,
        "name_to": parts.path("building", row.building.id),
        "emissions": str(formats.value(row.emissions_kg, "kg")),
        "emissions_by": row.emissions_kg if row.emissions_kg is not None else -1.0,
        "completeness": formats.percent(row.completeness),
        "completeness_tone": _tone(row.completeness),
        "completeness_by": row.completeness if row.completeness is not None else -1.0,
    }
    for carrier in (Carrier.ELECTRICITY, Carrier.HEAT, Carrier.GAS):
        value = row.energy.get(carrier)
        cells[carrier.value] = str(formats.value(value, carrier.unit))
        cells[f"{carrier.value}_by"] = value if value is not None else -1.0
    return cells


def _tone(share: float | None) -> str:
    if share is None:
        return ""
    return "good" if share >= views.WHOLE else "warning" if share >= 0.8 else "critical"
