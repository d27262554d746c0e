"""The addresses for signing in and out."""

import asyncio
import math
import time
from collections.abc import Iterator
from html import escape
from urllib.parse import parse_qs, urlencode

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from dashboards.web import preferences
from dashboards.web.access.accounts import LONGEST_PASSWORD, SHORTEST_PASSWORD, Accounts, Entry
from dashboards.web.access.entrance import COOKIE, Entrance
from dashboards.web.access.throttle import Throttle
from dashboards.web.house import House
from dashboards.web.plain import plain_page
from metering.texts import Texts

_LONGEST_FORM = 8_192
FAILURES = ("signin.oidc.failed", "signin.oidc.down", "signin.oidc.no_role", "signin.oidc.refused")
"""Texts for what an OpenID sign-in may end in."""
OUTCOMES = ("password.changed", "password.wrong", "password.different", "password.short", "password.wait")
"""Texts for what changing a password may end in; the first is good."""

_log = structlog.get_logger()


def router(house: House, entrance: Entrance) -> APIRouter:
    """For an app without sign-in there are none."""
    if entrance.accounts is None:
        return APIRouter()
    doors = _Doors(house, entrance, entrance.accounts)
    routes = APIRouter(include_in_schema=False)
    routes.add_api_route("/sign-in", doors.form, methods=["GET"])
    routes.add_api_route("/sign-in", doors.sign_in, methods=["POST"])
    routes.add_api_route("/sign-out", doors.sign_out, methods=["POST"])
    routes.add_api_route("/account/password", doors.change_password, methods=["POST"])
    return routes


class _Doors:
    def __init__(self, house: House, entrance: Entrance, accounts: Accounts) -> None:
        self._house = house
        self._entrance = entrance
        self._accounts = accounts
        self._by_name = Throttle(5, 60.0, 3600.0, time.monotonic)
        self._by_address = Throttle(20, 900.0, 3600.0, time.monotonic)
        self._one_by_one = asyncio.Lock()  # a check takes much memory, and many at once would get round the throttle
        self._has_provider = house.settings.oidc is not None

    async def form(self, request: Request, to: str = "/", failed: str = "") -> Response:
        """The sign-in page."""
        if request.state.visitor.role is not None:
            return RedirectResponse(local(to), status_code=303)
        return self._page(request, to, self._say(request)(failed) if failed in FAILURES else "")

    async def sign_in(self, request: Request) -> Response:
        """Sign in with name and password."""
        fields = await _fields(request)
        name, password, to = fields.get("name", "").strip(), fields.get("password", ""), fields.get("to", "/")
        address = address_of(request)
        try:
            is_right = await self._is_right(name, password, address)
        except _TooSoonError as error:
            said = self._say(request)("signin.wait", s=error.wait_s)
            return self._page(request, to, said, 429, {"Retry-After": str(error.wait_s)})
        now_us = self._house.clock.now_us()
        if not is_right:
            _log.warning("sign-in failed", address=address)
            entry = Entry(now_us, name[:60], "sign-in failed", "", "password", address)
            await asyncio.to_thread(self._accounts.note, entry)
            return self._page(request, to, self._say(request)("signin.wrong"), 401)
        session = await asyncio.to_thread(self._accounts.begin, name, now_us, address, how="password")
        return inside(request, session, to, self._house)

    async def sign_out(self, request: Request) -> Response:
        """End the session."""
        session = request.cookies.get(COOKIE, "")
        await asyncio.to_thread(self._accounts.end, session, self._house.clock.now_us(), address_of(request))
        self._entrance.forget()
        answer = RedirectResponse("/sign-in", status_code=303)
        answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax", secure=is_secure(request))
        return answer

    async def change_password(self, request: Request) -> Response:
        """Give oneself another password. All sessions end, but this browser gets a new one."""
        fields, name, address = await _fields(request), request.state.visitor.name, address_of(request)
        new = fields.get("new", "")
        try:
            if not SHORTEST_PASSWORD <= len(new) <= LONGEST_PASSWORD:
                return _back("password.short")
            if new != fields.get("again", ""):
                return _back("password.different")
            if not await self._is_right(name, fields.get("current", ""), address):
                return _back("password.wrong")
        except _TooSoonError:
            return _back("password.wait")
        now_us = self._house.clock.now_us()
        await asyncio.to_thread(self._accounts.set_password, name, new, now_us, who=name)
        self._entrance.forget()
        session = await asyncio.to_thread(self._accounts.begin, name, now_us, address, how="new password")
        return inside(request, session, "/account?said=password.changed", self._house)

    async def _is_right(self, name: str, password: str, address: str) -> bool:
        """Whether it is the user's password. Raises _TooSoonError after too many that were not."""
        async with self._one_by_one:
            wait_s = max(self._by_name.wait_s(name), self._by_address.wait_s(address))
            if wait_s > 0:
                raise _TooSoonError(math.ceil(wait_s))
            is_right = await asyncio.to_thread(self._accounts.check, name, password)
            if is_right:
                self._by_name.succeeded(name)
            else:
                self._by_name.failed(name)
                self._by_address.failed(address)
        return is_right

    def _page(
        self, request: Request, to: str, complaint: str = "", status: int = 200, headers: dict[str, str] | None = None
    ) -> Response:
        form = self._form(self._say(request), local(to), is_wrong=bool(complaint))
        return plain_page(
            request, self._house, "signin", form=form, complaint=complaint, status=status, headers=headers
        )

    def _form(self, say: Texts, to: str, *, is_wrong: bool) -> Iterator[str]:
        if self._has_provider:
            address = escape("/sign-in/oidc?" + urlencode({"to": to}))
            yield f'<a class="plain-button" href="{address}">{escape(say("signin.oidc"))}</a>'
            yield f'<p class="or">{escape(say("signin.or"))}</p>'
        described = ' aria-describedby="complaint" aria-invalid="true"' if is_wrong else ""
        button = "plain-button second" if self._has_provider else "plain-button"
        yield f'<form method="post" action="/sign-in"><input type="hidden" name="to" value="{escape(to)}">'
        yield f'<label for="name">{escape(say("signin.name"))}</label>'
        yield '<input id="name" name="name" autocomplete="username" autocapitalize="none" spellcheck="false" '
        yield f'maxlength="60" required autofocus{described}>'
        yield f'<label for="password">{escape(say("signin.password"))}</label>'
        yield '<input id="password" name="password" type="password" autocomplete="current-password" '
        yield f'maxlength="{LONGEST_PASSWORD}" required{described}>'
        yield f'<button class="{button}">{escape(say("signin.do"))}</button></form>'

    def _say(self, request: Request) -> Texts:
        return Texts("dashboards.web", preferences.language_of(request, self._house))


class _TooSoonError(Exception):
    """``wait_s``: whole seconds until the next try."""

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"wait {wait_s} s")
        self.wait_s = wait_s


def _back(outcome: str) -> Response:
    return RedirectResponse("/account?" + urlencode({"said": outcome}), status_code=303)


async def _fields(request: Request) -> dict[str, str]:
    """The fields of a form, each once; none of what is too long or no form."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _LONGEST_FORM:
            return {}
    try:
        return {name: values[0] for name, values in parse_qs(body.decode(), max_num_fields=20).items()}
    except ValueError:
        return {}


def inside(request: Request, session: str, to: str, house: House) -> Response:
    """On to where the visitor wants to go, with the session in a cookie that no script can read."""
    answer = RedirectResponse(local(to), status_code=303)
    longest_s = round(house.settings.longest_h * 3600)
    answer.set_cookie(COOKIE, session, longest_s, path="/", httponly=True, samesite="lax", secure=is_secure(request))
    return answer


def local(to: str) -> str:
    """An address of this app, else its beginning."""
    is_local = to.startswith("/") and not to.startswith(("//", "/\\", "/sign-")) and to.isprintable()
    return to if is_local else "/"


def address_of(request: Request) -> str:
    """The network address that asks."""
    return request.client.host if request.client else ""


def is_secure(request: Request) -> bool:
    """Whether TLS carries it, here or to the proxy."""
    return request.url.scheme == "https"
