"""The web app: puts pages and REST API together and serves them in the running event loop."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator

import nicegui
import structlog
import uvicorn
from fastapi import FastAPI, Request
from nicegui import ui

from analytics.alerts.book import AlertBook
from analytics.reports.rules import Rules
from dashboards.settings import WebSettings
from dashboards.web import api, preferences
from dashboards.web.frame import Desk
from dashboards.web.house import Health, House
from dashboards.web.inbox import Inbox
from dashboards.web.pages import alert, alerts, building, co2, devices, meter, overview, reports, trace
from dashboards.web.queries import Queries
from dashboards.web.reports import Reports
from dashboards.web.security import Guard
from metering.clock import Clock
from metering.estate import Estate
from metering.localtime import LocalCalendar
from metering.texts import Language
from storage.protocol import Store

_PAGES = (overview, alerts, alert, building, meter, devices, co2, reports, trace)
_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#12303f"/>'
    '<path d="M5 21l6-7 5 5 10-11" fill="none" stroke="#58b4d1" stroke-width="3.2" stroke-linecap="round" '
    'stroke-linejoin="round"/></svg>'
)
_GOODBYE_S = 2
"""Seconds that open connections get to end when the app stops."""
_RECONNECT_S = 10.0
"""Seconds a browser may be away without its page being built anew: phones change networks."""

_log = structlog.get_logger()


class WebApp:
    """Serves the pages and the REST API. One at a time in a process, as its UI framework keeps its state there.

    calendar  the local time of everything that is shown
    health    further states for the health page, from whoever runs the app
    rules     what reports are made by, and the live emission factors
    """

    def __init__(  # noqa: PLR0913, PLR0917 -- what it shows comes from many rooms
        self,
        store: Store,
        estate: Estate,
        alerts: AlertBook,
        settings: WebSettings,
        language: Language,
        clock: Clock,
        calendar: LocalCalendar,
        health: Health | None = None,
        rules: Rules | None = None,
    ) -> None:
        self._settings = settings
        self._house = House(
            estate=estate,
            queries=Queries(store, estate, clock, calendar, settings.refresh_s),
            inbox=Inbox(alerts, clock, settings.refresh_s),
            settings=settings,
            language=settings.language or language,
            clock=clock,
            calendar=calendar,
            reports=Reports(store, estate, rules, clock, calendar) if rules else None,
            health=health,
        )
        self.port = settings.port
        """The port it listens on, once `run` has begun."""
        self.ready = asyncio.Event()
        """Set once requests are answered."""

    async def run(self) -> None:
        """Serve until cancelled. Raises OSError, naming the address, if it cannot listen there."""
        with _listening(self._settings.host, self._settings.port) as listener:
            self.port = listener.getsockname()[1]
            config = uvicorn.Config(
                asgi(self._house),
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_GOODBYE_S,
            )
            server = _Server(config, self.ready)
            serving = asyncio.create_task(server.serve([listener]), name="web server")
            _log.info("web app", url=f"http://{self._settings.host}:{self.port}")
            try:
                await asyncio.shield(serving)
            except asyncio.CancelledError:
                server.should_exit = True
                await serving
                raise


def asgi(house: House) -> FastAPI:
    """Pages, REST API and security headers as one ASGI application."""
    app = FastAPI(title="Leitwarte", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(preferences.router())
    app.include_router(api.health_router(house))
    app.mount("/api", api.application(house))
    app.add_middleware(Guard)
    for page in _PAGES:
        page.register(house)
    nicegui.app.on_page_exception(_failure(house))
    # an earlier app in this process has sealed the framework's middleware; unseal it for this one
    nicegui.app.middleware_stack = None
    nicegui.app.user_middleware.clear()
    ui.run_with(
        app,
        root=_unknown(house),
        title="Leitwarte",
        favicon=_ICON,
        language="de",
        tailwind=False,
        show_welcome_message=False,
        reconnect_timeout=_RECONNECT_S,
        binding_refresh_interval=None,
    )
    return app


class _Server(uvicorn.Server):
    """Uvicorn that leaves signals to whoever runs the event loop, and says when it is ready."""

    def __init__(self, config: uvicorn.Config, ready: asyncio.Event) -> None:
        super().__init__(config)
        self._ready = ready

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready.set()


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that listens there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(
            error.errno, f"the web app cannot listen on {host}:{port} ({reason}); choose another host or port in web:"
        ) from error
    with listener:
        yield listener


def _unknown(house: House) -> Callable[[Request], None]:
    """The page for addresses that lead nowhere."""

    def unknown(request: Request) -> None:
        desk = Desk(house, request)
        with desk.frame("", desk.texts("not_found")):
            desk.not_found(desk.texts("page.unknown"))

    return unknown


def _failure(house: House) -> Callable[[Exception], None]:
    """The page shown instead of one that failed; the log has the error, the visitor does not."""

    def failure(error: Exception) -> None:
        request = ui.context.client.request
        _log.error("page failed", page=request.url.path, exc_info=error)
        desk = Desk(house, request)
        with desk.frame("", desk.texts("failure")):
            desk.failed()

    return failure
