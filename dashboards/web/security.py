"""The one place that all requests pass: who asks, may they, and what every answer must carry."""

import math
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboards.settings import is_loopback
from dashboards.web import preferences
from dashboards.web.access.doors import address_of
from dashboards.web.access.entrance import COOKIE, Entrance
from dashboards.web.access.rate import Rate
from dashboards.web.access.rights import HOMES, Permission, needed
from dashboards.web.access.sight import Sight
from dashboards.web.access.visitor import Visitor
from dashboards.web.plain import plain_page
from metering.texts import Texts

if TYPE_CHECKING:
    from dashboards.web.house import House

_HEADERS = {
    # the UI framework compiles its templates in the browser, hence unsafe-eval; nothing may come from elsewhere
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'self'; "
        "form-action 'self'; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_TLS_HEADERS = {"Strict-Transport-Security": "max-age=31536000"}
_READING = ("GET", "HEAD", "OPTIONS")
LONGEST_BODY = 1 << 20
"""Bytes of a request; nothing that is sent here comes near."""
_FRAMEWORK = "/_nicegui"


class Guard:
    """ASGI middleware. Sets the security headers, refuses what another site's page asks for, what is too long and what
    comes too often, and lets nobody further than the table of rights does. Puts ``visitor`` and ``house``, the house as
    that visitor may see it, into the request's state.
    """

    def __init__(self, app: ASGIApp, house: "House", entrance: Entrance, sight: Sight) -> None:
        self._app = app
        self._house = house
        self._entrance = entrance
        self._sight = sight
        self._rate = Rate(house.settings.api_per_minute, time.monotonic)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_private = not scope["path"].startswith(_FRAMEWORK)

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                if scope["scheme"] == "https":
                    headers.update(_TLS_HEADERS)
                if is_private:
                    headers.setdefault("Cache-Control", "private, no-cache")
            await send(message)

        refusal = await self._refusal(scope)
        await (refusal or self._app)(scope, bounded(receive), with_headers)

    async def _refusal(self, scope: Scope) -> Response | None:
        """What to answer instead; None if the request may go on."""
        request = Request(scope)
        if unfit := self._unfit(request):
            return unfit
        path, method = request.url.path, request.method
        is_page = method in _READING and not path.startswith(_FRAMEWORK)
        try:
            visitor = await self._entrance.visitor(request, is_page=is_page)
        except SQLAlchemyError:
            return PlainTextResponse("The accounts do not answer; try again later.\n", 503, {"Retry-After": "5"})
        scope.setdefault("state", {}).update(visitor=visitor, house=self._sight.of(visitor))
        permission = needed(method, path)
        is_api = path.startswith("/api/")
        if is_api and (wait_s := self._rate.wait_s(visitor.name or address_of(request))):
            return self._too_often(request, math.ceil(wait_s))
        if visitor.may(permission) and (visitor.scopes is None or is_api or permission == Permission.ANYONE):
            return None
        return _no_api(visitor) if is_api else self._no_page(request, visitor, permission)

    def _unfit(self, request: Request) -> Response | None:
        """What to answer whoever asks so."""
        if not self._is_at_home(request):
            return PlainTextResponse("There is no such server here.\n", status_code=421)
        if _is_forged(request):
            return PlainTextResponse("Requests from other sites are refused.\n", status_code=403)
        length = request.headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > LONGEST_BODY:
            return PlainTextResponse(f"A request holds no more than {LONGEST_BODY} bytes.\n", status_code=413)
        return None

    def _too_often(self, request: Request, wait_s: int) -> Response:
        say = Texts("dashboards.web", preferences.language_of(request, self._house))
        said = say("api.too_often", most=self._house.settings.api_per_minute, s=wait_s)
        return JSONResponse({"detail": said}, 429, {"Retry-After": str(wait_s)})

    def _no_page(self, request: Request, visitor: Visitor, permission: Permission | None) -> Response:
        if permission is None:
            return PlainTextResponse("Nobody may do that here.\n", status_code=405)
        if visitor.role is None:
            if request.method not in _READING or request.url.path.startswith(_FRAMEWORK):
                return PlainTextResponse("Sign in first.\n", status_code=401)
            to = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse("/sign-in?" + urlencode({"to": to}), status_code=303)
        if request.url.path == "/":
            return RedirectResponse(HOMES[visitor.role], status_code=303)
        return plain_page(request, self._house, "forbidden", status=403)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sockets end with the session that opened them."""
        connection = HTTPConnection(scope)

        async def is_welcome() -> bool:
            try:
                visitor = await self._entrance.visitor(connection, is_page=False)
            except SQLAlchemyError:
                return False
            return visitor.scopes is None and visitor.may(needed("GET", scope["path"]))

        if not self._is_at_home(connection) or _is_foreign(connection.headers) or not await is_welcome():
            await send({"type": "websocket.close", "code": 1008})
            return
        line = _Line(receive, send, is_welcome)
        await self._app(scope, line.receive, line.send)

    def _is_at_home(self, request: HTTPConnection) -> bool:
        """Whether it was this app that the browser meant. Without sign-in, another site's name that leads to this
        machine (DNS rebinding) would let its pages read all.
        """
        settings = self._house.settings
        if settings.sign_in != "none" or settings.behind_proxy:
            return True
        return is_loopback(urlsplit(f"//{request.headers.get('host', '')}").hostname or "")


class _Line:
    """A socket that is closed from here once its visitor is no longer welcome."""

    def __init__(self, receive: Receive, send: Send, is_welcome: Callable[[], Awaitable[bool]]) -> None:
        self._receive = receive
        self._send = send
        self._is_welcome = is_welcome
        self._is_closed = False

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "websocket.receive" and not await self._goes_on():
            return {"type": "websocket.disconnect", "code": 1008}
        return message

    async def send(self, message: Message) -> None:
        if message["type"] != "websocket.send" or await self._goes_on():
            await self._send(message)

    async def _goes_on(self) -> bool:
        if not self._is_closed and not await self._is_welcome():
            self._is_closed = True
            await self._send({"type": "websocket.close", "code": 1008})
        return not self._is_closed


def bounded(receive: Receive) -> Receive:
    """Hang up on a body that goes on and on without saying its length before."""
    left = LONGEST_BODY

    async def receive_bounded() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        return message if left >= 0 else {"type": "http.disconnect"}

    return receive_bounded


def _no_api(visitor: Visitor) -> Response:
    if visitor.role is None:
        said = {"detail": "sign in, or send an API token as Authorization: Bearer …"}
        return JSONResponse(said, 401, {"WWW-Authenticate": "Bearer"})
    return JSONResponse({"detail": "this account or token has no right to that"}, 403)


def _is_forged(request: Request) -> bool:
    """Whether a write may come from another site's page: with a cookie, or at sign-in, it must prove that it does not.

    All browsers name the origin of a page that posts.
    """
    if request.method in _READING:
        return False
    if "origin" in request.headers:
        return _is_foreign(request.headers)
    is_by_browser = COOKIE in request.cookies or request.url.path.startswith("/sign-in")
    return is_by_browser and request.headers.get("sec-fetch-site") != "same-origin"


def _is_foreign(headers: Headers) -> bool:
    """Whether a browser says that the request comes from a page of another origin."""
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host")
