"""Overview: the whole estate at a glance."""

from collections import Counter
from collections.abc import Sequence

from fastapi import Request
from nicegui import ui

from analytics.alerts.alert import Alert
from dashboards.web import charts, parts
from dashboards.web.frame import Desk, Update
from dashboards.web.house import House
from dashboards.web.parts import Column, Row
from dashboards.web.queries import since, step_for
from dashboards.web.views import BuildingView, Curve, DeviceState, Overview, Total
from metering.estate import Carrier, Site
from metering.instant import DAY

_CURVE_REFRESH_S = 60.0
_SPANS = {"day": DAY, "week": 7 * DAY}

Situation = tuple[Overview, Sequence[Alert]]


def register(house: House) -> None:
    """Add the page."""

    @ui.page("/")
    async def overview(request: Request) -> None:
        desk = Desk(house, request)
        every = desk.house.settings.refresh_s
        with desk.frame("overview", desk.texts("page.overview")):
            parts.heading(desk.texts("overview.title"), desk.texts("overview.subtitle"))

            async def situation() -> Situation:
                return await desk.house.queries.overview(), await desk.house.inbox.alerts(only_open=True)

            await desk.follow(situation, lambda first: _tiles(desk, first), every, "tiles")
            with ui.element("div").classes("two-one"):
                await _load(desk)
                with parts.card(desk.texts("overview.map"), "map-card"):
                    await desk.follow(situation, lambda first: _map(desk, first), every, "map")
                    ui.label(desk.texts("overview.map.note")).classes("fine")
            with parts.card(desk.texts("overview.buildings")):
                await desk.follow(situation, lambda first: _buildings(desk, first), every, "rows")


def _tiles(desk: Desk, first: Situation) -> Update[Situation]:
    say, formats = desk.texts, desk.formats
    with ui.element("div").classes("tiles"):
        alerts = parts.Tile(say("tile.alerts"), "/alerts")
        devices = parts.Tile(say("tile.devices"), "/devices")
        load = parts.Tile(say("tile.load"))
        generation = parts.Tile(say("tile.generation"))
        energy = parts.Tile(say("tile.energy"))
        emissions = parts.Tile(say("tile.emissions"), "/co2")

    def update(situation: Situation) -> None:
        now, open_alerts = situation
        by_severity = Counter(alert.severity for alert in open_alerts)
        worst = max(by_severity, default=None)
        alerts.show(
            formats.count(len(open_alerts)),
            formats.severities(by_severity) or say("tile.alerts.none"),
            parts.SEVERITY_TONES[worst] if worst is not None else "good",
        )
        late, silent = now.states[DeviceState.LATE], now.states[DeviceState.SILENT]
        devices.show(
            formats.count(now.states[DeviceState.ONLINE], of=sum(now.states.values())),
            " · ".join(
                f"{number} {say(f'state.{state}')}"
                for state, number in now.states.items()
                if number and state != DeviceState.ONLINE
            )
            or say("tile.devices.all"),
            "critical" if silent else "warning" if late else "good",
        )
        load.show(formats.value(now.load.value, "W"), _coverage(desk, now.load))
        generation.show(formats.value(now.generation.value, "W"), _share(desk, now))
        energy.show(formats.value(now.energy.get(Carrier.ELECTRICITY), "kWh"), _other_carriers(desk, now))
        emissions.show(formats.value(now.emissions_kg, "kg"), say("tile.emissions.note"))

    update(first)
    return update


def _coverage(desk: Desk, sum_: Total) -> str:
    key = "coverage.all" if sum_.known == sum_.meters else "coverage.some"
    return desk.texts(key, known=sum_.known, meters=sum_.meters) if sum_.meters else desk.texts("coverage.none")


def _share(desk: Desk, now: Overview) -> str:
    if now.generation.value is None or not now.load.value or now.load.value <= 0:
        return desk.texts("coverage.none") if not now.generation.meters else ""
    return desk.texts(
        "tile.generation.share", share=desk.formats.percent(min(1.0, now.generation.value / now.load.value))
    )


def _other_carriers(desk: Desk, now: Overview) -> str:
    return " · ".join(
        f"{desk.texts(f'carrier.{carrier}')}\u00a0{desk.formats.value(value, carrier.unit)}"
        for carrier, value in now.energy.items()
        if carrier != Carrier.ELECTRICITY
    )


async def _load(desk: Desk) -> None:
    house, say = desk.house, desk.texts
    span = parts.SpanChoice(_SPANS, "day")
    with parts.card(say("overview.load")) as beside:

        async def curves() -> tuple[list[Curve], float]:
            window = since(house.clock, span.us)
            return await house.queries.load_curves(list(house.estate.meters.values()), window, step_for(window))

        def show(first: tuple[list[Curve], float]) -> Update[tuple[list[Curve], float]]:
            plot = parts.Plot(say("overview.load"), say("plot.empty"), "fill")
            note = ui.label().classes("fine")

            def update(answer: tuple[list[Curve], float]) -> None:
                drawn, share = answer
                named = {say(f"curve.{curve.name}"): curve for curve in drawn}
                plot.show(desk.charts.lines(named, "kW", factor=1e-3) if share else None)
                note.set_text(say("plot.coverage", share=desk.formats.percent(share)) if share else "")

            update(first)
            return update

        refresh = await desk.follow(curves, show, _CURVE_REFRESH_S, "tall")

        with beside:
            span.show(say, refresh)


def _map(desk: Desk, first: Situation) -> Update[Situation]:
    house = desk.house
    sites = [site for site in house.estate.sites.values() if site.latitude is not None and site.longitude is not None]
    by_name = {site.name: site for site in sites}

    def pick(name: str) -> None:
        building = next(house.estate.buildings_at(by_name[name].id), None) if name in by_name else None
        if building is not None:
            ui.navigate.to(parts.path("building", building.id))

    plot = parts.Plot(desk.texts("overview.map"), desk.texts("overview.map.empty"), "map", pick)

    def update(situation: Situation) -> None:
        now, alerts = situation
        places = [_place(desk, site, now.buildings, alerts) for site in sites]
        plot.show(desk.charts.site_map(places) if places else None)

    update(first)
    return update


def _place(desk: Desk, site: Site, buildings: Sequence[BuildingView], alerts: Sequence[Alert]) -> charts.Place:
    here = {building.id for building in desk.house.estate.buildings_at(site.id)}
    loads = {view.building.id: abs(view.load.value or 0.0) for view in buildings}
    largest = max(loads.values(), default=0.0) or 1.0
    worst = max((alert.severity for alert in alerts if alert.building in here), default=None)
    weight = min(1.0, sum(loads[building] for building in here) / largest)
    assert site.latitude is not None
    assert site.longitude is not None
    return charts.Place(site.name, site.latitude, site.longitude, weight, worst)


def _buildings(desk: Desk, first: Situation) -> Update[Situation]:
    say = desk.texts
    columns = [
        Column("name", say("column.building"), "link"),
        Column("usage", say("column.usage"), wide=True),
        Column("load", say("column.load"), "number"),
        Column("generation", say("column.generation"), "number", wide=True),
        Column("electricity", say("column.electricity_today"), "number", wide=True),
        Column("heat", say("column.heat_today"), "number", wide=True),
        Column("emissions", say("column.co2_today"), "number", wide=True),
        Column("state", say("column.state"), "state"),
    ]
    table = parts.Table(columns, say("overview.buildings.empty"))

    def update(situation: Situation) -> None:
        table.show(_rows(desk, situation))

    update(first)
    return update


def _rows(desk: Desk, situation: Situation) -> list[Row]:
    now, alerts = situation
    return [
        _row(desk, view, [alert for alert in alerts if alert.building == view.building.id]) for view in now.buildings
    ]


def _row(desk: Desk, view: BuildingView, alerts: Sequence[Alert]) -> Row:
    formats, say = desk.formats, desk.texts
    electricity, heat = view.energy.get(Carrier.ELECTRICITY), view.energy.get(Carrier.HEAT)
    if alerts:
        worst = max(alert.severity for alert in alerts)
        state, tone = say("alerts.number", n=len(alerts)), parts.SEVERITY_TONES[worst]
    else:
        state, tone = say(f"state.{view.state}"), parts.TONES[view.state]
    return {
        "id": view.building.id,
        "name": view.building.name,
        "name_to": parts.path("building", view.building.id),
        "usage": formats.usage(view.building.usage),
        "load": str(formats.value(view.load.value, "W")),
        "load_by": view.load.value if view.load.value is not None else -1.0,
        "generation": str(formats.value(view.generation.value, "W")),
        "generation_by": view.generation.value if view.generation.value is not None else -1.0,
        "electricity": str(formats.value(electricity, "kWh")),
        "electricity_by": electricity if electricity is not None else -1.0,
        "heat": str(formats.value(heat, "kWh")),
        "heat_by": heat if heat is not None else -1.0,
        "emissions": str(formats.value(view.emissions_kg, "kg")),
        "emissions_by": view.emissions_kg if view.emissions_kg is not None else -1.0,
        "state": state,
        "state_tone": tone,
        "state_by": -len(alerts),
    }
