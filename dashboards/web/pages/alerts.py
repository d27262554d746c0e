"""The inbox: every alert with its severity, building, kind and since when."""

from collections.abc import Sequence

from fastapi import Request
from nicegui import ui

from analytics.alerts.alert import Alert
from dashboards.web import parts
from dashboards.web.frame import Desk, Update
from dashboards.web.house import House
from dashboards.web.parts import Column, Row

_FILTERS = ("open", "all")


def register(house: House) -> None:
    """Add the page."""

    @ui.page("/alerts")
    async def alerts(request: Request, show: str = "open") -> None:
        desk = Desk(house, request)
        chosen = show if show in _FILTERS else "open"
        with desk.frame("alerts", desk.texts("page.alerts")):
            parts.heading(desk.texts("page.alerts"), desk.texts("alerts.subtitle"))
            with ui.element("section").classes("card"):
                with ui.element("div").classes("choice links"):
                    for key in _FILTERS:
                        ui.link(desk.texts(f"alerts.{key}"), f"/alerts?show={key}").classes(
                            "on" if key == chosen else ""
                        )
                await alert_table(desk, only_open=chosen == "open")


async def alert_table(desk: Desk, *, only_open: bool, building: str | None = None) -> None:
    """The alerts of one building or all, the newest first; of the open ones the worst before that."""

    async def ask() -> list[Alert]:
        found = [a for a in await desk.house.inbox.alerts(only_open=only_open) if building in (None, a.building)]
        return sorted(found, key=lambda alert: -alert.severity) if only_open else found

    def show(first: Sequence[Alert]) -> Update[Sequence[Alert]]:
        say = desk.texts
        columns = [
            Column("severity", say("column.severity"), "state"),
            Column("title", say("column.alert"), "link"),
            *([Column("building", say("column.building"), wide=True)] if building is None else []),
            Column("kind", say("column.kind"), wide=True),
            Column("since", say("column.since")),
            *([] if only_open else [Column("state", say("column.state"), wide=True)]),
        ]
        empty = say("alerts.none_open" if only_open else "alerts.none")
        table = parts.Table(columns, empty, page_size=50)

        def update(alerts: Sequence[Alert]) -> None:
            table.show([_row(desk, alert) for alert in alerts])

        update(first)
        return update

    await desk.follow(ask, show, desk.house.settings.refresh_s, "rows")


def _row(desk: Desk, alert: Alert) -> Row:
    building = desk.house.estate.buildings.get(alert.building)
    return {
        "id": alert.id,
        "severity": desk.texts(f"severity.{alert.severity:d}"),
        "severity_tone": parts.SEVERITY_TONES[alert.severity],
        "severity_by": -int(alert.severity),
        "title": alert.title,
        "title_to": parts.path("alerts", alert.id),
        "building": building.name if building else "–",
        "kind": desk.formats.kind(alert.kind),
        "since": desk.formats.time(alert.first_us),
        "since_by": -alert.first_us,
        "state": desk.texts(f"alert.{alert.state}"),
    }
