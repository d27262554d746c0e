"""Reports: choose place, period and rules; look at it; take it along as PDF, workbook or data."""

from dataclasses import dataclass, replace
from urllib.parse import urlencode

from fastapi import Request
from nicegui import ui

from analytics.reports.formats import FORMATS
from analytics.reports.period import Period
from dashboards.web import parts, views
from dashboards.web.frame import Desk, Update
from dashboards.web.house import House
from dashboards.web.reports import Asked, Reports

_YEARS_BACK = 10
_AGAIN_S = 3600.0
"""How often a page that stays open asks again whether its report can still be made."""


@dataclass(frozen=True, slots=True)
class _Choice:
    """What the form shows; ``rules`` is empty for the live factors."""

    scope: str
    period: str
    rules: str

    def asked(self) -> Asked:
        return Asked(Period.parse(self.period), self.rules or None, self.scope)

    def address(self, desk: Desk, format_: str) -> str:
        query = {"period": self.period, "scope": self.scope, "format": format_, "lang": desk.language}
        return "/api/co2/v1/report?" + urlencode(query | ({"rules": self.rules} if self.rules else {}))

    def energy_address(self, desk: Desk, format_: str) -> str:
        """Of the energy report of the building that is chosen."""
        query = {"period": self.period, "building": self.building, "format": format_, "lang": desk.language}
        return "/api/co2/v1/energy?" + urlencode(query)

    @property
    def building(self) -> str:
        """Its id; empty if none is chosen."""
        kind, _, name = self.scope.partition(":")
        return name if kind == "building" else ""


def register(house: House) -> None:
    """Add the page."""

    @ui.page("/reports")
    async def reports(request: Request, period: str = "", scope: str = "city") -> None:
        desk = Desk(house, request)
        with desk.frame("reports", desk.texts("page.reports")):
            parts.heading(desk.texts("reports.title"), desk.texts("reports.subtitle"))
            if desk.house.reports is not None:
                await _form(desk, desk.house.reports, period, scope)


async def _form(desk: Desk, reports: Reports, period: str, scope: str) -> None:
    say = desk.texts
    periods, places = _periods(desk), {**reports.places, "city": say("reports.city")}
    rules = {"" if n == 0 else view.name: view.title[desk.language] for n, view in enumerate(reports.views)}
    chosen = _Choice(
        scope if scope in places else "city", period if period in periods else next(iter(periods)), next(iter(rules))
    )
    with parts.card(say("reports.choose"), "form"):
        fields = {"scope": places, "period": periods, "rules": rules}
        for name, options in fields.items():
            ui.select(
                options,
                label=say(f"reports.{name}"),
                value=getattr(chosen, name),
                on_change=lambda event, name=name: choose(name, event.value),
            ).props("outlined dense options-dense").classes("field")
        links = ui.element("div").classes("downloads")

    async def choose(name: str, value: str) -> None:
        nonlocal chosen
        chosen = replace(chosen, **{name: value})
        offer()
        await refresh()

    def offer() -> None:
        links.clear()
        with links:
            for format_ in FORMATS:
                ui.link(format_.upper(), chosen.address(desk, format_), new_tab=format_ == "html").classes("download")
            if chosen.building:
                ui.label(say("reports.energy")).classes("downloads-of")
                for format_ in FORMATS:
                    address = chosen.energy_address(desk, format_)
                    named = f"{say('reports.energy')} {format_.upper()}"
                    ui.link(format_.upper(), address, new_tab=format_ == "html").classes("download").props(
                        f'aria-label="{named}"'
                    )

    async def ask() -> _Choice:
        """Makes the report, so that the page can say that the store is away, which a frame in it cannot."""
        asked = chosen
        await reports.report(asked.asked())
        return asked

    def show(first: _Choice) -> Update[_Choice]:
        preview = ui.element("iframe").classes("preview").props(f'title="{say("reports.preview")}"')

        def update(made: _Choice) -> None:
            preview.props["src"] = made.address(desk, "html")

        update(first)
        return update

    offer()
    with parts.card(say("reports.preview")):
        refresh = await desk.follow(ask, show, _AGAIN_S, "preview")


def _periods(desk: Desk) -> dict[str, str]:
    """Last month first, since that is what is asked for most; then this year's months and the years."""
    today = desk.house.calendar.date_of(desk.house.clock.now_us())
    (last_year, last_month), _ = views.neighbours(today.year, today.month)
    months = [(last_year, last_month), *((today.year, month) for month in range(today.month, 0, -1))]
    named = {f"{year}-{month:02}": desk.formats.month(year, month) for year, month in months if month}
    return named | {str(year): str(year) for year in range(today.year, today.year - _YEARS_BACK, -1)}
