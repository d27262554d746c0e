"""One meter: consumption against what was expected, the register, the values not to trust, and its alerts."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fastapi import Request
from nicegui import ui

from analytics.alerts.sensitivity import Judgement, judgements
from dashboards.web import parts
from dashboards.web.access.rights import Permission
from dashboards.web.charts import Mark, Options
from dashboards.web.frame import Desk, Update
from dashboards.web.house import House
from dashboards.web.pages.alerts import alert_table
from dashboards.web.parts import Column, Row
from dashboards.web.queries import since
from dashboards.web.stretch import StretchChoice
from dashboards.web.views import Curve, MeterProfile, MeterView
from metering.estate import Meter
from metering.instant import DAY, HOUR, QUARTER_HOUR, Window
from metering.quantities import QUANTITIES
from metering.reading import Reading
from metering.samples import Samples

_CURVE_REFRESH_S = 60.0
_SPANS = {"day": DAY, "week": 7 * DAY, "month": 31 * DAY, "year": 366 * DAY, "all": 3653 * DAY}
_STEPS = {QUARTER_HOUR: "quarter_hour", HOUR: "hour", DAY: "day"}


def register(house: House) -> None:
    """Add the page."""

    @ui.page("/meter/{meter_id}")
    async def meter(request: Request, meter_id: str) -> None:
        desk = Desk(house, request)
        found = desk.house.estate.meters.get(meter_id)
        if found is None:
            with desk.frame("", desk.texts("not_found")):
                desk.not_found(desk.texts("meter.unknown"))
            return
        with desk.frame("overview", found.name):
            await _page(desk, found)


def _source(desk: Desk, meter: Meter) -> list[str]:
    """Where its consumption comes from, in a few words."""
    if meter.is_imported:
        return [desk.texts("meter.imported")]
    if meter.formula is not None:
        return [desk.texts("meter.computed", formula=meter.formula)]
    obis = QUANTITIES[meter.register].obis
    return [f"OBIS {obis}"] if obis else []


async def _page(desk: Desk, meter: Meter) -> None:
    house, say = desk.house, desk.texts
    building = house.estate.buildings[meter.building]
    about = [say(f"carrier.{meter.carrier}"), say(f"role.{meter.role}"), *_source(desk, meter)]
    parts.heading(meter.name, " · ".join(about), (building.name, parts.path("building", building.id)))

    if meter.formula is None and desk.visitor.may(Permission.EXCHANGE):
        with ui.link(target=parts.path("meter", meter.id, "exchange")).classes("to"):
            ui.icon("swap_horiz")
            ui.label(say("exchange.to"))

    async def now() -> MeterView:
        return await house.queries.meter(meter)

    if meter.formula is None:
        await desk.follow(now, lambda first: _tiles(desk, first), house.settings.refresh_s, "tiles")
    await _consumption(desk, meter)
    with ui.element("div").classes("halves"):
        if meter.formula is None:
            with parts.card(say("meter.register")):
                await _register(desk, meter)
        with parts.card(say("meter.flags")):

            async def flags() -> list[Reading]:
                return await house.queries.flags(meter, since(house.clock, 7 * DAY))

            await desk.follow(flags, lambda first: _flags(desk, meter, first), _CURVE_REFRESH_S, "rows")

    if desk.visitor.may(Permission.ALERTS):
        with parts.card(say("meter.alerts")):
            await alert_table(desk, only_open=False, wanted=lambda alert: alert.subject in (meter.id, meter.device))

    async def judged() -> Mapping[str, Judgement]:
        return judgements(await desk.house.inbox.of_subject(meter.id))

    await desk.follow(judged, lambda found: _sensitivity(desk, found))


def _sensitivity(desk: Desk, found: Mapping[str, Judgement]) -> None:
    """How readily alerts are raised here, if people have set that by their verdicts."""
    if found:
        with parts.card(desk.texts("meter.sensitivity")):
            parts.facts([(desk.formats.kind(kind), desk.formats.sensitivity(said)) for kind, said in found.items()])


def _tiles(desk: Desk, first: MeterView) -> Update[MeterView]:
    say, formats, meter = desk.texts, desk.formats, first.meter
    with ui.element("div").classes("tiles lead"):
        register = parts.Tile(say("meter.reading"))
        rate = parts.Tile(formats.quantity(first.rate.quantity)) if first.rate is not None else None
        state = parts.Tile(say("column.state"))

    def update(view: MeterView) -> None:
        if view.register is not None:
            register.show(formats.reading(meter.register, view.register.value), formats.time(view.register.time_us))
        else:
            register.show(formats.value(None, ""), say("meter.never"))
        if rate is not None and view.rate is not None:
            rate.show(formats.reading(view.rate.quantity, view.rate.value), formats.time(view.rate.time_us))
        heard = view.register.time_us if view.register else None
        state.show(
            formats.word(say(f"state.{view.state}")),
            formats.ago(heard, desk.house.clock.now_us()),
            parts.TONES[view.state],
        )

    update(first)
    return update


async def _consumption(desk: Desk, meter: Meter) -> None:
    house, say = desk.house, desk.texts
    stretch = StretchChoice(_SPANS, "week", house.clock)
    with parts.card(say("meter.consumption")) as beside:

        async def profile() -> _Consumption:
            window = stretch.window
            found, marks = await asyncio.gather(house.queries.profile(meter, window), _marks(desk, meter, window))
            return _Consumption(window, found, marks)

        def show(first: _Consumption) -> Update[_Consumption]:
            async def pick(start_ms: float, end_ms: float) -> None:
                await stretch.pick(desk.charts.picked(start_ms, end_ms))

            plot = parts.Plot(say("meter.consumption"), say("plot.empty"), "tall", on_zoom=pick)
            note = ui.label().classes("fine")

            def update(view: _Consumption) -> None:
                plot.show(_options(desk, view, meter.carrier.unit))
                note.set_text(_note(desk, view))

            update(first)
            return update

        refresh = await desk.follow(profile, show, _CURVE_REFRESH_S, "tall")

        with beside:
            stretch.show(say, refresh)


class _Consumption(NamedTuple):
    """What the plot shows of a stretch of time."""

    window: Window
    profile: MeterProfile
    marks: Sequence[Mark]


async def _marks(desk: Desk, meter: Meter, window: Window) -> list[Mark]:
    """Alerts about the meter, and its exchanges."""
    house = desk.house
    alerts = await house.inbox.of_subject(meter.id) if desk.visitor.may(Permission.ALERTS) else []
    exchanges = await house.exchanges.all_of(meter) if house.exchanges is not None else []
    stretches = [
        (Window(max(alert.first_us, window.start_us), min(alert.last_us, window.end_us)), alert.severity)
        for alert in alerts
        if alert.first_us < window.end_us and alert.last_us > window.start_us
    ]
    times = [each.time_us for each in exchanges if window.start_us <= each.time_us < window.end_us]
    return [Mark(*each) for each in stretches] + [
        Mark(Window(time_us, time_us), name=desk.texts("exchange.title")) for time_us in times
    ]


def _options(desk: Desk, view: _Consumption, unit: str) -> Options | None:
    """Consumption against the expected band; None if there is no consumption."""
    say, profile = desk.texts, view.profile
    if not len(profile.actual.times_us):
        return None
    names = (say("curve.actual"), say("curve.expected"), say("curve.interval"))
    return desk.charts.zoomable(desk.charts.band(profile, names, unit, view.marks), say("stretch.pick"))


def _note(desk: Desk, view: _Consumption) -> str:
    say, window = desk.texts, view.window
    first, last = desk.formats.day(window.start_us), desk.formats.day(window.end_us - 1)
    told = [first if first == last else f"{first} – {last}"]
    told.append(say("meter.step", step=say(f"step.{_STEPS[view.profile.step_us]}")))
    if any(mark.window.duration_us for mark in view.marks):
        told.append(say("meter.marks"))
    return " · ".join(told)


async def _register(desk: Desk, meter: Meter) -> None:
    house = desk.house

    async def hourly() -> Samples:
        return await house.queries.registers(meter, since(house.clock, 7 * DAY))

    def show(first: Samples) -> Update[Samples]:
        plot = parts.Plot(desk.texts("meter.register"), desk.texts("plot.empty"), "low")

        def update(samples: Samples) -> None:
            curve = Curve("register", samples.times_us, samples.values)
            name, unit = desk.formats.quantity(meter.register), QUANTITIES[meter.register].unit
            options = desk.charts.lines({name: curve}, unit, from_zero=False)
            plot.show(options if len(samples) else None)

        update(first)
        return update

    await desk.follow(hourly, show, _CURVE_REFRESH_S, "low")


def _flags(desk: Desk, meter: Meter, first: Sequence[Reading]) -> Update[Sequence[Reading]]:
    say = desk.texts
    columns = [
        Column("time", say("column.time")),
        Column("quantity", say("column.quantity"), wide=True),
        Column("value", say("column.value"), "number"),
        Column("quality", say("column.quality"), "state"),
    ]

    table = parts.Table(columns, say("meter.flags.none"), page_size=6)

    def update(readings: Sequence[Reading]) -> None:
        table.show([_flag(desk, meter, reading) for reading in readings])

    update(first)
    return update


def _flag(desk: Desk, meter: Meter, reading: Reading) -> Row:
    quality = desk.texts(f"quality.{reading.quality.name.lower()}")
    return {
        "id": f"{reading.device} {reading.quantity} {reading.time_us}",
        "time": desk.formats.time(reading.time_us),
        "time_by": reading.time_us,
        "quantity": desk.formats.quantity(reading.quantity),
        "value": str(desk.formats.reading(reading.quantity, reading.value, meter.carrier.unit)),
        "value_by": reading.value,
        "quality": f"{quality}: {desk.formats.reason(reading.reason)}" if reading.reason else quality,
        "quality_tone": "warning" if reading.quality.name == "SUSPECT" else "info",
    }
