"""The inbox: every alert with its severity, building, kind and since when, and filters."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from nicegui import ui
from nicegui.events import ValueChangeEventArguments

from analytics.alerts.alert import Alert
from analytics.alerts.kinds import KINDS
from dashboards.web import parts
from dashboards.web.frame import Desk, Update
from dashboards.web.house import House
from dashboards.web.inbox import LONGEST_NAME
from dashboards.web.parts import Column, Row
from metering.event import Severity

_SHOWN = ("open", "resolved", "all")
_ANY = ""


def register(house: House) -> None:
    """Add the page; what is chosen may stand in its address."""

    @ui.page("/alerts")
    async def alerts(  # noqa: PLR0913, PLR0917 - one for each choice
        request: Request,
        show: str = "open",
        building: str = _ANY,
        kind: str = _ANY,
        severity: str = _ANY,
        who: str = _ANY,
    ) -> None:
        desk = Desk(house, request)
        chosen = _Choice(desk, show if show in _SHOWN else "open", building, kind, severity, who)
        with desk.frame("alerts", desk.texts("page.alerts")):
            parts.heading(desk.texts("page.alerts"), desk.texts("alerts.subtitle"))
            with ui.element("section").classes("card"):
                with ui.element("div").classes("choice links"):
                    for key in _SHOWN:
                        ui.link(desk.texts(f"alerts.{key}"), chosen.address(key)).classes(
                            "on" if key == chosen.show else ""
                        )
                filters = ui.element("div").classes("filters")
                refresh = await alert_table(desk, only_open=chosen.show == "open", wanted=chosen.takes)
                with filters:
                    chosen.lay_out(refresh)


class _Choice:
    """Which alerts a visitor wants to see; what the address asks for that is not there counts as any."""

    def __init__(  # noqa: PLR0913, PLR0917 - one for each choice
        self, desk: Desk, show: str, building: str, kind: str, severity: str, who: str
    ) -> None:
        say = desk.texts
        buildings = {each.id: each.name for each in desk.house.estate.buildings.values()}
        kinds = dict(sorted(((key, desk.formats.kind(key)) for key in KINDS), key=lambda pair: pair[1]))
        severities = {each.name.lower(): say(f"severity.{each:d}") for each in sorted(Severity, reverse=True)}
        self.show = show
        self._say = say
        self._options = {"building": buildings, "kind": kinds, "severity": severities}
        asked = {"building": building, "kind": kind, "severity": severity}
        self._chosen = {name: key if key in self._options[name] else _ANY for name, key in asked.items()}
        self._chosen["who"] = who[:LONGEST_NAME]

    def address(self, show: str) -> str:
        """Where the same is shown of open, resolved or all alerts."""
        return f"/alerts?{urlencode({'show': show, **{name: key for name, key in self._chosen.items() if key}})}"

    def takes(self, alert: Alert) -> bool:
        chosen = self._chosen
        return (
            (self.show != "resolved" or not alert.is_open)
            and chosen["building"] in (_ANY, alert.building)
            and chosen["kind"] in (_ANY, alert.kind)
            and chosen["severity"] in (_ANY, alert.severity.name.lower())
            and chosen["who"].strip().casefold() in (_ANY, alert.assignee.casefold())
        )

    def lay_out(self, refresh: Callable[[], Awaitable[None]]) -> None:
        """Draw the filters; ``refresh`` is called after each choice."""

        def chooses(name: str) -> Callable[[ValueChangeEventArguments[Any]], Awaitable[None]]:
            async def choose(event: ValueChangeEventArguments[Any]) -> None:
                self._chosen[name] = event.value or _ANY
                await refresh()

            return choose

        for name, options in self._options.items():
            every = {_ANY: self._say("alerts.any"), **options}
            label = self._say(f"column.{name}")
            ui.select(every, value=self._chosen[name], label=label, on_change=chooses(name)).props("outlined dense")
        who = ui.input(self._say("alert.assignee"), value=self._chosen["who"], on_change=chooses("who"))
        who.props(f"outlined dense clearable debounce=300 maxlength={LONGEST_NAME}")


async def alert_table(
    desk: Desk, *, only_open: bool, building: str | None = None, wanted: Callable[[Alert], bool] = lambda _: True
) -> Callable[[], Awaitable[None]]:
    """The wanted alerts of one building or all, the newest first; of the open ones the worst before that.

    Returns how to show at once what is wanted now.
    """

    async def ask() -> list[Alert]:
        listed = await desk.house.inbox.alerts(only_open=only_open)
        found = [alert for alert in listed if building in (None, alert.building) and wanted(alert)]
        return sorted(found, key=lambda alert: -alert.severity) if only_open else found

    def show(first: Sequence[Alert]) -> Update[Sequence[Alert]]:
        say = desk.texts
        columns = [
            Column("severity", say("column.severity"), "state"),
            Column("title", say("column.alert"), "link"),
            *([Column("building", say("column.building"), wide=True)] if building is None else []),
            Column("kind", say("column.kind"), wide=True),
            Column("since", say("column.since")),
            Column("state", say("column.state"), wide=True),
        ]
        empty = say("alerts.none_open" if only_open else "alerts.none")
        table = parts.Table(columns, empty, page_size=50)

        def update(alerts: Sequence[Alert]) -> None:
            table.show([_row(desk, alert) for alert in alerts])

        update(first)
        return update

    return await desk.follow(ask, show, desk.house.settings.refresh_s, "rows")


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
        "since": desk.formats.moment(alert.first_us, desk.house.clock.now_us()),
        "since_by": -alert.first_us,
        "state": _state(desk, alert),
    }


def _state(desk: Desk, alert: Alert) -> str:
    words = [desk.texts(f"alert.{alert.state}")]
    if alert.is_open and alert.is_muted(desk.house.clock.now_us()):
        words.append(desk.texts("alert.quiet"))
    if alert.assignee:
        words.append(alert.assignee)
    return " · ".join(words)
