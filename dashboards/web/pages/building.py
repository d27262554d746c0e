"""One building: its meters with their latest values, its load profile, its open alerts."""

from fastapi import Request
from nicegui import ui

from dashboards.web import parts
from dashboards.web.frame import Desk, Update
from dashboards.web.house import House
from dashboards.web.pages.alerts import alert_table
from dashboards.web.parts import Column, Row
from dashboards.web.queries import since, step_for
from dashboards.web.views import BuildingView, Curve, MeterView
from metering.estate import Building, Carrier, Role
from metering.instant import DAY, HOUR

_CURVE_REFRESH_S = 60.0


def register(house: House) -> None:
    """Add the page."""

    @ui.page("/building/{building_id}")
    async def building(request: Request, building_id: str) -> None:
        desk = Desk(house, request)
        found = desk.house.estate.buildings.get(building_id)
        if found is None:
            with desk.frame("", desk.texts("not_found")):
                desk.not_found(desk.texts("building.unknown"))
            return
        with desk.frame("overview", found.name):
            await _page(desk, found)


async def _page(desk: Desk, building: Building) -> None:
    house, say, every = desk.house, desk.texts, desk.house.settings.refresh_s
    site = house.estate.sites[building.site]
    about = [site.name, desk.formats.usage(building.usage)]
    if building.floor_area_m2:
        about.append(say("building.area", area=desk.formats.value(building.floor_area_m2, "m²")))
    parts.heading(building.name, " · ".join(about), (say("page.overview"), "/"))

    async def now() -> BuildingView:
        return await house.queries.building(building.id)

    await desk.follow(now, lambda first: _tiles(desk, first), every, "tiles")
    with parts.card(say("building.alerts")):
        await alert_table(desk, only_open=True, building=building.id)
    await _profiles(desk, building)
    with parts.card(say("building.meters")):
        await desk.follow(now, lambda first: _meters(desk, first), every, "rows")


def _tiles(desk: Desk, first: BuildingView) -> Update[BuildingView]:
    say, formats = desk.texts, desk.formats
    with ui.element("div").classes("tiles"):
        load = parts.Tile(say("tile.load"))
        generation = parts.Tile(say("tile.generation")) if first.generation.meters else None
        energy = {carrier: parts.Tile(say(f"tile.{carrier}")) for carrier in first.energy}
        emissions = parts.Tile(say("tile.emissions"), "/co2")

    def update(view: BuildingView) -> None:
        load.show(formats.value(view.load.value, "W"), say(f"state.{view.state}"), parts.TONES[view.state])
        if generation is not None:
            generation.show(formats.value(view.generation.value, "W"))
        for carrier, tile in energy.items():
            tile.show(formats.value(view.energy[carrier], carrier.unit))
        emissions.show(formats.value(view.emissions_kg, "kg"))

    update(first)
    return update


async def _profiles(desk: Desk, building: Building) -> None:
    """The electric load, and hourly consumption for each other carrier, over seven days."""
    house, say = desk.house, desk.texts
    meters = list(house.estate.meters_in(building.id))
    carriers = [carrier for carrier in Carrier if any(meter.carrier == carrier for meter in meters)]

    async def electric() -> tuple[list[Curve], float]:
        window = since(house.clock, 7 * DAY)
        return await house.queries.load_curves(meters, window, step_for(window))

    def show(first: tuple[list[Curve], float]) -> Update[tuple[list[Curve], float]]:
        plot = parts.Plot(say("building.profile"), say("plot.empty"), "tall")

        def update(answer: tuple[list[Curve], float]) -> None:
            drawn, share = answer
            named = {say(f"curve.{curve.name}"): curve for curve in drawn}
            plot.show(desk.charts.lines(named, "kW", factor=1e-3) if share else None)

        update(first)
        return update

    if Carrier.ELECTRICITY in carriers:
        with parts.card(say("building.profile")):
            await desk.follow(electric, show, _CURVE_REFRESH_S, "tall")
    with ui.element("div").classes("halves"):
        for carrier in carriers:
            if carrier != Carrier.ELECTRICITY:
                with parts.card(say("building.consumption", carrier=say(f"carrier.{carrier}"))):
                    await _consumption(desk, building, carrier)


async def _consumption(desk: Desk, building: Building, carrier: Carrier) -> None:
    house = desk.house
    meters = [meter for meter in house.estate.meters_in(building.id) if meter.carrier == carrier]

    async def hourly() -> list[Curve]:
        return await house.queries.consumption_curves(meters, since(house.clock, 7 * DAY), HOUR)

    def show(first: list[Curve]) -> Update[list[Curve]]:
        plot = parts.Plot(desk.texts(f"carrier.{carrier}"), desk.texts("plot.empty"), "tall")

        def update(curves: list[Curve]) -> None:
            named = {meter.name: curve for meter, curve in zip(meters, curves, strict=True)}
            has_values = any(len(curve.times_us) for curve in curves)
            plot.show(desk.charts.lines(named, f"{carrier.unit}/h") if has_values else None)

        update(first)
        return update

    await desk.follow(hourly, show, _CURVE_REFRESH_S, "tall")


def _meters(desk: Desk, first: BuildingView) -> Update[BuildingView]:
    say = desk.texts
    columns = [
        Column("name", say("column.meter"), "link"),
        Column("carrier", say("column.carrier"), wide=True),
        Column("role", say("column.role"), wide=True),
        Column("rate", say("column.rate"), "number", wide=True),
        Column("register", say("column.register"), "number"),
        Column("heard", say("column.heard"), wide=True),
        Column("state", say("column.state"), "state"),
    ]
    table = parts.Table(columns, say("building.meters.empty"))

    def update(view: BuildingView) -> None:
        table.show([_meter(desk, meter) for meter in view.meters])

    update(first)
    return update


def _meter(desk: Desk, view: MeterView) -> Row:
    formats, meter = desk.formats, view.meter
    return {
        "id": meter.id,
        "name": meter.name,
        "name_to": parts.path("meter", meter.id),
        "carrier": desk.texts(f"carrier.{meter.carrier}"),
        "role": desk.texts(f"role.{Role(meter.role)}"),
        "rate": str(formats.reading(view.rate.quantity, view.rate.value)) if view.rate else "–",
        "rate_by": view.rate.value if view.rate else -1.0,
        "register": str(formats.reading(meter.register, view.register.value)) if view.register else "–",
        "register_by": view.register.value if view.register else -1.0,
        "heard": formats.ago(view.register.time_us if view.register else None, desk.house.clock.now_us()),
        "heard_by": -(view.register.time_us if view.register else 0),
        "state": desk.texts(f"state.{view.state}"),
        "state_tone": parts.TONES[view.state],
    }
