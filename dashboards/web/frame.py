"""The frame around every page: header, navigation, footer; and how a page shows what it asks for."""

import asyncio
import copy
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import structlog
from fastapi import Request
from nicegui import ui

from dashboards.web import preferences
from dashboards.web.access.rights import needed
from dashboards.web.charts import Charts, palette
from dashboards.web.formats import Formats
from dashboards.web.house import House, house_of
from metering.texts import Texts
from storage.protocol import StoreError

_T = TypeVar("_T")
Update = Callable[[_T], None]

_NAVIGATION = (
    ("overview", "/", "dashboard"),
    ("alerts", "/alerts", "notifications_none"),
    ("devices", "/devices", "sensors"),
    ("co2", "/co2", "eco"),
    ("reports", "/reports", "description"),
    ("operation", "/operation", "tune"),
)
_STYLE = Path(__file__).with_name("style.css").read_text("utf-8")
_PATIENCE_S = 0.7
"""A page whose data takes longer than this is shown at once, with placeholders."""

_log = structlog.get_logger()


class Desk:
    """One visit to one page: the visitor's language and colours, and the parts of the page that stay current."""

    def __init__(self, house: House, request: Request) -> None:
        self.house = house = house_of(request)  # what pages are registered with holds nothing
        self.visitor = house.visitor
        self.request = request
        self.language = preferences.language_of(request, house)
        self.is_dark = preferences.theme_of(request, house) == "dark"
        self.texts = Texts("dashboards.web", self.language)
        self.formats = Formats(self.texts, house.calendar)
        self.charts = Charts(palette(self.language, is_dark=self.is_dark), house.calendar)
        self._stamp: ui.label | None = None
        self._trouble: ui.element | None = None
        self._waiting: set[object] = set()

    @contextmanager
    def frame(self, here: str, title: str) -> Iterator[None]:
        """Lay out the page; ``here`` is the key of its entry in the navigation, ``title`` what the browser tab says."""
        client = ui.context.client
        client.page = copy.copy(client.page)  # the page object is shared by all visitors, these two are not
        client.page.dark, client.page.language = self.is_dark, "de" if self.language == "de" else "en-US"
        ui.page_title(f"{title} · Leitwarte")
        ui.add_css(_STYLE)
        client.content.classes("page")
        ui.link(self.texts("to_content"), "#content").classes("skip")
        with ui.element("header").classes("top"):
            self._brand()
            self._navigation(here)
            self._switches()
        self._trouble = ui.element("div").classes("trouble").props('role="alert"')
        self._trouble.set_visibility(False)
        with self._trouble:
            ui.icon("cloud_off")
            ui.label(self.texts("store.down"))
        with ui.element("main").classes("content").props('id="content" tabindex="-1"'):
            yield
        with ui.element("footer"):
            ui.label(self.texts("footer", zone=self.house.calendar.zone.key))
            ui.link("REST API", "/api/openapi.json")
            ui.link(self.texts("footer.health"), "/health")
            ui.link(self.texts("page.about"), "/about")

    async def follow(
        self,
        ask: Callable[[], Awaitable[_T]],
        show: Callable[[_T], Update[_T] | None],
        every_s: float | None = None,
        placeholder: str = "",
    ) -> Callable[[], Awaitable[None]]:
        """Show what ``ask`` answers, and keep it current.

        ``show`` builds the elements for the first answer and returns how to update them for the next ones, which are
        asked for every ``every_s`` seconds; without either, the first answer stays. ``placeholder`` is the CSS class
        of what is shown until then. While the store does not answer, the page says so, keeps what it shows and tries
        again. Returns how to ask at once, for when the question changed.
        """
        place = ui.element("div").classes("part")
        with place:
            ui.skeleton(animation="fade").classes(f"placeholder {placeholder}")
        update: Update[_T] | None = None
        is_shown = False
        retry_s = self.house.settings.refresh_s

        async def refresh() -> None:
            nonlocal update, is_shown
            try:
                answer = await ask()
            except StoreError as error:
                self._store_lost(place, error)
                timer.interval = retry_s
                return
            self._store_answered(place)
            timer.interval = every_s or retry_s
            if not is_shown:
                place.clear()
                with place:
                    update = show(answer)
                is_shown = True
                if update is None or every_s is None:
                    timer.deactivate()
            elif update is not None:
                update(answer)

        timer = ui.timer(retry_s, refresh, immediate=False)
        first = asyncio.ensure_future(refresh())
        done, _ = await asyncio.wait({first}, timeout=_PATIENCE_S)
        if not done:
            await ui.context.client.connected()
        await first
        return refresh

    def not_found(self, what: str) -> None:
        """Say that there is nothing under this address."""
        ui.context.client.status_code = 404
        with ui.element("section").classes("card notice"):
            ui.icon("search_off")
            ui.label(what).classes("notice-title")
            ui.link(self.texts("to_overview"), "/")

    def failed(self) -> None:
        """Say that the page could not be built."""
        with ui.element("section").classes("card notice").props('role="alert"'):
            ui.icon("error_outline")
            ui.label(self.texts("failure")).classes("notice-title")
            ui.label(self.texts("failure.note"))
            ui.link(self.texts("to_overview"), "/")

    def _store_lost(self, part: object, error: StoreError) -> None:
        if not self._waiting:
            _log.warning("page without store", page=self.request.url.path, error=str(error))
        self._waiting.add(part)
        if self._trouble is not None:
            self._trouble.set_visibility(True)

    def _store_answered(self, part: object) -> None:
        self._waiting.discard(part)
        if self._trouble is not None:
            self._trouble.set_visibility(bool(self._waiting))
        if self._stamp is not None:
            self._stamp.set_text(self.texts("as_of", time=self.formats.clock(self.house.clock.now_us())))

    def _brand(self) -> None:
        with ui.link(target="/").classes("brand").props(f'aria-label="{self.texts("to_overview")}"'):
            ui.icon("insights")
            ui.label("Leitwarte")

    def _navigation(self, here: str) -> None:
        with ui.element("nav").props(f'aria-label="{self.texts("navigation")}"'):
            for key, target, icon in _NAVIGATION:
                if not self.visitor.may(needed("GET", target)):
                    continue
                entry = ui.link(target=target).classes("here" if key == here else "")
                if key == here:
                    entry.props('aria-current="page"')
                with entry:
                    ui.icon(icon)
                    ui.label(self.texts(f"page.{key}"))
                    if key == "alerts":
                        self._open_alerts()

    def _open_alerts(self) -> None:
        badge = ui.label().classes("count")
        badge.set_visibility(False)

        async def count() -> None:
            try:
                number = await self.house.inbox.open_count()
            except StoreError:
                return
            badge.set_text(str(number))
            badge.set_visibility(number > 0)

        ui.timer(self.house.settings.refresh_s, count)

    def _switches(self) -> None:
        self._stamp = ui.label().classes("stamp")
        with ui.element("div").classes("switches"):
            other, label = ("en", "EN") if self.language == "de" else ("de", "DE")
            ui.link(label, preferences.link(self.request, language=other)).props(
                f'aria-label="{self.texts("switch.language")}" rel="nofollow"'
            )
            theme = "light" if self.is_dark else "dark"
            with ui.link(target=preferences.link(self.request, theme=theme)).props(
                f'aria-label="{self.texts(f"switch.{theme}")}" rel="nofollow"'
            ):
                ui.icon("light_mode" if self.is_dark else "dark_mode")
            if self.house.accounts is not None:
                self._account()

    def _account(self) -> None:
        """Who is signed in, as what, and the way out: a menu that needs no script."""
        with ui.element("details").classes("account"):
            with ui.element("summary").props(f'aria-label="{self.texts("account")}"'):
                ui.icon("account_circle")
            with ui.element("div").classes("account-menu"):
                ui.label(self.visitor.name).classes("account-name")
                ui.label(self.texts(f"role.{self.visitor.role}")).classes("fine")
                ui.link(self.texts("page.account"), "/account")
                with (
                    ui.element("form").props('method="post" action="/sign-out"'),
                    ui.element("button").props('type="submit"').classes("as-link"),
                ):
                    ui.label(self.texts("signout"))
