"""Tells who a request comes from: by session cookie, by API token, or nobody."""

import asyncio
from dataclasses import dataclass, field

from starlette.requests import HTTPConnection

from dashboards.settings import WebSettings
from dashboards.web.access.accounts import Accounts
from dashboards.web.access.visitor import EVERYBODY, NOBODY, Visitor
from metering.clock import Clock

COOKIE = "session"
_BELIEVED_S = 2.0
"""What was found in the database holds for so long: another process's changes count that much later."""
_MOST = 10_000


@dataclass(slots=True)
class _Found:
    at_s: float
    visitor: Visitor
    is_seen: bool


@dataclass(slots=True)
class Entrance:
    """The one place where visitors are told apart. ``accounts`` is None for an app without sign-in."""

    settings: WebSettings
    accounts: Accounts | None
    clock: Clock
    _found: dict[str, _Found] = field(default_factory=dict)

    async def visitor(self, request: HTTPConnection, *, is_page: bool) -> Visitor:
        """Who it is. ``is_page``: somebody asked for a page, so their session goes on."""
        if self.accounts is None:
            return EVERYBODY
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return await self._lookup(token.strip(), is_token=True, is_seen=False)
        session = request.cookies.get(COOKIE, "")
        return await self._lookup(session, is_token=False, is_seen=is_page) if session else NOBODY

    def forget(self) -> None:
        """Look everybody up anew: somebody has left, or has other rights."""
        self._found.clear()

    async def _lookup(self, secret: str, *, is_token: bool, is_seen: bool) -> Visitor:
        assert self.accounts is not None
        now_s = asyncio.get_running_loop().time()
        key = f"{is_token} {secret}"
        found = self._found.get(key)
        if found and now_s - found.at_s < _BELIEVED_S and (found.is_seen or not is_seen):
            return found.visitor
        now_us = self.clock.now_us()
        if is_token:
            visitor = await asyncio.to_thread(self.accounts.bearer, secret, now_us)
        else:
            visitor = await asyncio.to_thread(self.accounts.visitor, secret, now_us, is_seen=is_seen)
        if len(self._found) >= _MOST:
            self._found.clear()
        self._found[key] = _Found(now_s, visitor, is_seen)
        return visitor
