"""The way down from a figure: what it is made of, to quarter-hours and register readings, and the factor's document."""

from collections.abc import Mapping
from decimal import Decimal

from fastapi import Request
from nicegui import ui

from analytics.carbon.factor import Factor, HeatBasis
from analytics.reports.figure import ALL, Figure, FigureId
from analytics.reports.paper.numbers import Numbers
from analytics.reports.trace import Trace
from dashboards.web import parts
from dashboards.web.access.rights import Permission
from dashboards.web.formats import Shown
from dashboards.web.frame import Desk
from dashboards.web.house import House
from dashboards.web.parts import Column, Row
from metering.estate import Building, Meter, Site
from metering.samples import Samples
from metering.texts import Texts

_PAGE_ROWS = 24
_DIGITS = 3  # of kWh and kg: Wh and g
_WRAPPED = "overflow-wrap: anywhere"  # ids and addresses have no spaces


def register(house: House) -> None:
    """Add the page."""

    @ui.page("/trace/{figure:path}")
    async def trace(request: Request, figure: str) -> None:
        desk = Desk(house, request)
        try:
            asked = FigureId.parse(figure)
        except ValueError:
            asked = None
        if asked is None or desk.house.reports is None:
            with desk.frame("reports", desk.texts("not_found")):
                desk.not_found(desk.texts("trace.unknown"))
            return
        told = _Told(desk)
        with desk.frame("reports", told.name(asked)):
            await _page(told, asked)


class _Told:
    """What a page says of figures, in the words of the reports."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.say = desk.texts
        self.report = Texts("analytics.reports.paper", desk.language)
        self.numbers = Numbers(desk.language)

    def name(self, figure: FigureId) -> str:
        """Such as: Emissions of gas, scope 1."""
        carrier = "" if figure.carrier == ALL else f" {self.report(f'carrier_{figure.carrier}')}"
        scope = "" if figure.scope in (ALL, "total") else f", {self.report(f'scope_{figure.scope}')}"
        return f"{self.report(figure.measure)}{carrier}{scope}"

    def place(self, figure: FigureId) -> str:
        kind, _, name = figure.place.partition(":")
        estate = self.desk.house.estate
        known: Mapping[str, Mapping[str, Building | Site | Meter]]
        known = {"building": estate.buildings, "site": estate.sites, "meter": estate.meters}
        if name in known.get(kind, {}):
            return known[kind][name].name
        return self.report(f"sector_{name}") if kind == "sector" else self.report("city") if kind == "city" else name

    def value(self, value: Decimal | None) -> str:
        return self.numbers.decimal(value, _DIGITS)

    def number(self, value: Decimal) -> str:
        """With the digits it has."""
        return f"{value:f}".replace(".", "," if self.desk.language == "de" else ".")

    def problems(self, figure: Figure) -> str:
        return ", ".join(self.report(f"problem_{problem}") for problem in figure.problems)


async def _page(told: _Told, asked: FigureId) -> None:
    desk, say = told.desk, told.say
    reports = desk.house.reports
    assert reports is not None
    about = f"{told.place(asked)} · {asked.period} · {asked.view}"
    parts.heading(told.name(asked), about, (say("page.reports"), "/reports"))

    async def ask() -> Trace | str:
        try:
            found = await reports.trace(asked)
        except LookupError as error:
            return str(error.args[0])
        return found

    def show(found: Trace | str) -> None:
        if isinstance(found, str):
            desk.not_found(found)
        else:
            _trace(told, found)

    await desk.follow(ask, show, None, "rows")


def _trace(told: _Told, found: Trace) -> None:
    say = told.say
    _figure(told, found.figure)
    if found.parts:
        with parts.card(say("trace.parts")):
            _parts(told, found)
    if found.meter is not None:
        with parts.card(say("trace.meter")):
            meter = found.meter
            source = f"{meter.device} · {meter.register}"
            if meter.formula is not None:
                source = say("meter.imported") if meter.is_imported else str(meter.formula)
            with ui.element("dl").classes("facts").style(_WRAPPED):
                parts.fact(say("trace.meter.name"), meter.name, parts.path("meter", meter.id))
                parts.fact(say("trace.meter.source"), source)
                for gas in found.gas:
                    values = (told.number(gas.state_number), told.number(gas.calorific_value))
                    parts.fact(say("trace.gas"), f"m³ × {values[0]} × {values[1]} kWh(Hs)/m³ ({gas.source})")
                for event in found.exchanges:
                    parts.fact(told.desk.formats.time(event.time_us), event.title)
        unit = found.meter.carrier.unit
        has_profiles = told.desk.visitor.may(Permission.VALUES)
        _samples(told, say("trace.intervals" if has_profiles else "trace.days"), found.intervals, unit)
        _samples(told, say("trace.readings"), found.readings, unit)
    for factor in found.factors:
        _factor(told, factor)
    with parts.card(say("trace.made")), ui.element("dl").classes("facts").style(_WRAPPED):
        parts.fact(say("trace.version"), f"Leitwarte {found.version}")
        parts.fact(say("trace.id"), str(found.figure.id), f"/api/co2/v1/figures/{found.figure.id}")


def _figure(told: _Told, figure: Figure) -> None:
    say, formats = told.say, told.desk.formats
    with ui.element("div").classes("tiles lead"):
        value = parts.Tile(told.report(figure.id.measure))
        complete = parts.Tile(told.report("completeness"))
        estimated = parts.Tile(told.report("estimated_share"))
    band = ""
    if figure.low is not None and figure.high is not None and figure.low != figure.high:
        band = told.report("band", low=told.value(figure.low), high=told.value(figure.high))
    tone = "critical" if figure.problems else ""
    value.show(Shown(told.value(figure.value), figure.unit), told.problems(figure) or band, tone)
    complete.show(formats.word(told.numbers.percent(figure.completeness)), say("trace.completeness"))
    estimated.show(formats.word(told.numbers.percent(figure.estimated_share)), say("trace.estimated"))


def _parts(told: _Told, found: Trace) -> None:
    """The smaller figures, each leading further down."""
    asked = found.figure.id
    columns = [
        Column("name", told.say("trace.part"), "link"),
        Column("value", told.say("trace.value"), "number"),
        Column("completeness", told.report("completeness"), "number", wide=True),
        Column("remark", told.report("remark"), wide=True),
    ]
    rows: list[Row] = []
    for part in found.parts:
        name = str(part.id.period) if part.id.period != asked.period else told.place(part.id)
        if part.id.measure != asked.measure:
            name = f"{name} ({told.report(part.id.measure)})"
        rows.append(
            {
                "id": str(part.id),
                "name": name,
                "name_to": f"/trace/{part.id}",
                "value": f"{told.value(part.value)} {part.unit}",
                "value_by": float(part.value) if part.value is not None else -1.0,
                "completeness": told.numbers.percent(part.completeness),
                "completeness_by": float(part.completeness or 0),
                "remark": told.problems(part),
            }
        )
    parts.Table(columns, told.say("plot.empty"), _PAGE_ROWS).show(rows)


def _samples(told: _Told, title: str, samples: Samples, unit: str) -> None:
    if not len(samples):
        return
    columns = [
        Column("time", told.say("trace.time")),
        Column("value", unit, "number"),
        Column("quality", told.say("trace.quality")),
    ]
    columns_of = zip(samples.times_us.tolist(), samples.values.tolist(), samples.qualities.tolist(), strict=True)
    rows: list[Row] = [
        {
            "id": str(time_us),
            "time": told.desk.formats.time(time_us),
            "time_by": time_us,
            "value": told.value(Decimal(repr(value))),
            "value_by": value,
            "quality": told.say(f"trace.quality.{quality}"),
        }
        for time_us, value, quality in columns_of
    ]
    with parts.card(title):
        parts.Table(columns, told.say("plot.empty"), _PAGE_ROWS).show(rows)


def _factor(told: _Told, factor: Factor) -> None:
    say = told.report
    per = "kWh" if factor.heat_basis is HeatBasis.NONE else f"kWh({factor.heat_basis})"
    value = told.number(factor.g_per_kwh)
    kind, _, name = factor.carrier.partition(":")
    title = f"{told.say('trace.factor')}: {say(f'carrier_{kind}')} {name}".strip()
    with parts.card(title), ui.element("dl").classes("facts").style(_WRAPPED):
        boundary = say(f"boundary_{factor.boundary}")
        parts.fact(told.say("trace.value"), f"{value} g {factor.gases}/{per}, {boundary}")
        last = told.numbers.day(factor.end)
        parts.fact(say("valid"), f"{told.numbers.day(factor.start)} – {told.say('trace.before')} {last}")
        parts.fact(say("status"), say(f"status_{factor.status}"))
        parts.fact(told.say("trace.document"), f"{factor.publisher}: {factor.document}")
        parts.fact(told.say("trace.page"), factor.page)
        if factor.url:
            web = factor.url if "://" in factor.url else f"https://{factor.url}"
            is_web = "." in factor.url.split("/", maxsplit=1)[0] or "://" in factor.url
            parts.fact(told.say("trace.url"), factor.url, web if is_web else None)
        parts.fact("Id", factor.id)
