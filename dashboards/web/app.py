"""The web app: puts pages, REST API and doors together and serves them in the running event loop."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace

import nicegui
import structlog
import uvicorn
from fastapi import FastAPI, Request
from nicegui import ui

from analytics.alerts.book import AlertBook
from analytics.exchange_book import ExchangeBook
from analytics.reports.rules import Rules
from dashboards.settings import WebSettings
from dashboards.web import api, preferences
from dashboards.web.access import doors
from dashboards.web.access.accounts import Accounts
from dashboards.web.access.entrance import Entrance
from dashboards.web.access.rights import undeclared
from dashboards.web.access.sight import Sight
from dashboards.web.access.visitor import NOTHING
from dashboards.web.exchanges import Exchanges
from dashboards.web.frame import Desk
from dashboards.web.house import Health, House
from dashboards.web.inbox import Inbox
from dashboards.web.operations import Operations
from dashboards.web.pages import (
    about,
    account,
    alert,
    alerts,
    building,
    co2,
    devices,
    exchange,
    meter,
    operation,
    overview,
    reports,
    trace,
)
from dashboards.web.queries import Queries
from dashboards.web.reports import Reports
from dashboards.web.security import LONGEST_BODY, Guard
from metering.clock import Clock
from metering.estate import Estate
from metering.instant import MINUTE
from metering.localtime import LocalCalendar
from metering.texts import Language
from storage.protocol import Store

_PAGES = (overview, alerts, alert, building, meter, exchange, devices, co2, reports, trace, operation, account, about)
_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#12303f"/>'
    '<path d="M5 21l6-7 5 5 10-11" fill="none" stroke="#58b4d1" stroke-width="3.2" stroke-linecap="round" '
    'stroke-linejoin="round"/></svg>'
)
_GOODBYE_S = 2
_IDLE_S = 75  # of a connection: longer than proxies and programs keep theirs, or one is closed as it is used again
"""Seconds that open connections get to end when the app stops."""
_RECONNECT_S = 10.0
"""Seconds a browser may be away without its page being built anew: phones change networks."""

_log = structlog.get_logger()


class WebApp:
    """Serves the pages and the REST API. One at a time in a process, as its UI framework keeps its state there.

    calendar  the local time of everything that is shown
    health    further states for the health page, from whoever runs the app
    rules     what reports are made by, and the live emission factors
    operations  what the operator's pages show of other parts
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
        operations: Operations | None = None,
    ) -> None:
        self._settings = settings
        self._alerts = alerts
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
            operations=operations,
            exchanges=Exchanges(ExchangeBook(alerts.database), store, clock, calendar),
        )
        self.port = settings.port
        """The port it listens on, once `run` has begun."""
        self.ready = asyncio.Event()
        """Set once requests are answered."""

    async def run(self) -> None:
        """Serve until cancelled.

        Raises OSError, naming the address, if it cannot listen there, and ValueError for accounts of a newer version.
        """
        with _opened(self._settings) as accounts, _listening(self._settings.host, self._settings.port) as listener:
            self.port = listener.getsockname()[1]
            house = replace(self._house, accounts=accounts)
            config = uvicorn.Config(
                asgi(house, self._alerts),
                lifespan="on",
                proxy_headers=self._settings.behind_proxy,
                forwarded_allow_ips=list(self._settings.proxies),
                log_config=None,
                access_log=False,
                server_header=False,
                ws_max_size=LONGEST_BODY,
                timeout_graceful_shutdown=_GOODBYE_S,
                timeout_keep_alive=_IDLE_S,
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


def asgi(house: House, alerts: AlertBook) -> FastAPI:
    """Pages, REST API, doors and their guard as one ASGI application.

    Raises ValueError for an address that the table of rights does not name.
    """
    sight = Sight(house, alerts)
    entrance = Entrance(house.settings, house.accounts, house.clock)
    app = FastAPI(title="Leitwarte", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(preferences.router())
    app.include_router(api.health_router(house))
    app.include_router(doors.router(house, entrance))
    if house.accounts is not None and house.settings.oidc is not None:
        from dashboards.web.access import oidc_doors  # noqa: PLC0415 -- few need what it imports

        app.include_router(oidc_doors.router(house, entrance, house.accounts, house.settings.oidc))
    app.mount("/api", api.application(has_reports=house.reports is not None))
    app.add_middleware(Guard, house=house, entrance=entrance, sight=sight)
    for page in _PAGES:
        page.register(sight.of(NOTHING))  # each visit brings its own house, see `Desk`
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
    if forgotten := undeclared(app.routes):
        raise ValueError(f"dashboards/web/access/rights.py does not say who may see {', '.join(forgotten)}")
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
def _opened(settings: WebSettings) -> Iterator[Accounts | None]:
    """The accounts; None without sign-in."""
    if settings.sign_in == "none":
        yield None
        return
    hour_us = 60 * MINUTE
    accounts = Accounts(
        f"sqlite:///{settings.accounts}",
        idle_us=round(settings.idle_h * hour_us),
        longest_us=round(settings.longest_h * hour_us),
    )
    with contextlib.closing(accounts):
        yield accounts


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
