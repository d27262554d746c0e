"""Devices: which speak, which are late, which have fallen silent since when, their last errors and values."""

from collections.abc import Sequence

from fastapi import Request
from nicegui import ui

from dashboards.web import parts
from dashboards.web.frame import Desk, Update
from dashboards.web.house import House
from dashboards.web.parts import Column, Row
from dashboards.web.views import DeviceState, DeviceView

_VALUES = 2
"""So many of a device's values are shown in the list."""


def register(house: House) -> None:
    """Add the page."""

    @ui.page("/devices")
    async def devices(request: Request) -> None:
        desk = Desk(house, request)
        with desk.frame("devices", desk.texts("page.devices")):
            parts.heading(desk.texts("page.devices"), desk.texts("devices.subtitle"))
            await desk.follow(
                desk.house.queries.devices, lambda first: _devices(desk, first), desk.house.settings.refresh_s, "rows"
            )


def _devices(desk: Desk, first: Sequence[DeviceView]) -> Update[Sequence[DeviceView]]:
    say = desk.texts
    with ui.element("div").classes("tiles three"):
        tiles = {state: parts.Tile(say(f"state.{state}.many")) for state in DeviceState}
    with ui.element("section").classes("card"):
        search = ui.input(placeholder=say("search")).props("dense outlined clearable debounce=200").classes("search")
        columns = [
            Column("state", say("column.state"), "state"),
            Column("name", say("column.device")),
            Column("building", say("column.building"), "link", wide=True),
            Column("heard", say("column.heard")),
            Column("error", say("column.error"), wide=True),
            Column("values", say("column.values"), wide=True),
        ]
        table = parts.Table(columns, say("devices.empty"), page_size=50, search=search)

    def update(views: Sequence[DeviceView]) -> None:
        for state, tile in tiles.items():
            number = sum(view.state == state for view in views)
            tone = parts.TONES[state] if number or state == DeviceState.ONLINE else ""
            tile.show(desk.formats.count(number, of=len(views)), say(f"state.{state}.note"), tone)
        table.show(_rows(desk, views))

    update(first)
    return update


def _rows(desk: Desk, views: Sequence[DeviceView]) -> list[Row]:
    return [_row(desk, view) for view in views]


def _row(desk: Desk, view: DeviceView) -> Row:
    formats, now = desk.formats, desk.house.clock.now_us()
    order = list(DeviceState)
    shown = [f"{formats.quantity(r.quantity)} {formats.reading(r.quantity, r.value)}" for r in view.readings[:_VALUES]]
    more = len(view.readings) - _VALUES
    return {
        "id": view.device.id,
        "state": desk.texts(f"state.{view.state}"),
        "state_tone": parts.TONES[view.state],
        "state_by": -order.index(view.state),
        "name": view.device.name,
        "building": view.building.name if view.building else "–",
        "building_to": parts.path("building", view.building.id) if view.building else None,
        "heard": _heard(desk, view, now),
        "heard_by": -(view.heard_us or 0),
        "error": _error(desk, view, now),
        "error_by": -view.error.since_us if view.error else 0,
        "values": " · ".join(shown) + (f" · {desk.texts('devices.more', n=more)}" if more > 0 else ""),
    }


def _heard(desk: Desk, view: DeviceView, now_us: int) -> str:
    """How long ago; of those that should have been heard since, since when they are not."""
    if view.heard_us is None:
        return desk.texts("devices.never")
    if view.state is DeviceState.ONLINE:
        return desk.formats.ago(view.heard_us, now_us)
    return desk.texts("devices.since", time=desk.formats.moment(view.heard_us, now_us))


def _error(desk: Desk, view: DeviceView, now_us: int) -> str:
    """With the last time; of those not heard since, since when; of others that fail now and then, the first time."""
    error = view.error
    if error is None:
        return "–"
    time = desk.formats.moment(error.until_us or error.since_us, now_us)
    if error.until_us is None and view.state is not DeviceState.ONLINE:
        time = desk.texts("devices.since", time=time)
    return f"{error.text} ({time})"
