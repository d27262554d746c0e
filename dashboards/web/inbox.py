"""The alert book as pages ask it: off the event loop, and one answer for all who ask at the same time."""

import asyncio
from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from analytics.alerts.alert import Alert, Verdict
from analytics.alerts.book import AlertBook
from dashboards.web.shared import Shared
from metering.clock import Clock
from storage.protocol import StoreUnavailable

_P = ParamSpec("_P")
_T = TypeVar("_T")

MOST = 300
"""The list of all alerts ends after so many."""
LONGEST_NAME, LONGEST_TEXT = 60, 2000
"""Characters of what a visitor may write."""


class Inbox:
    """The alerts, and what people do about them. Every method raises StoreUnavailable if the book does not answer."""

    def __init__(self, book: AlertBook, clock: Clock, refresh_s: float) -> None:
        self._book = book
        self._clock = clock
        self._open: Shared[Sequence[Alert]] = Shared(lambda: self._list(only_open=True), refresh_s / 2)
        self._all: Shared[Sequence[Alert]] = Shared(lambda: self._list(only_open=False), refresh_s / 2)

    async def open_count(self) -> int:
        """How many alerts are not resolved."""
        return len(await self._open())

    async def alerts(self, *, only_open: bool) -> Sequence[Alert]:
        """The alerts, those with the newest beginning first."""
        return await (self._open() if only_open else self._all())

    async def alert(self, alert_id: str) -> Alert | None:
        """One alert; None if there is no such."""
        try:
            return await self._ask(self._book.get, alert_id)
        except LookupError:
            return None

    async def acknowledge(self, alert_id: str, who: str, text: str) -> Alert:
        """Somebody takes care of it."""
        return await self._act(self._book.acknowledge, alert_id, who, text)

    async def comment(self, alert_id: str, who: str, text: str) -> Alert:
        return await self._act(self._book.comment, alert_id, who, text)

    async def resolve(self, alert_id: str, who: str, text: str) -> Alert:
        """It has been seen to."""
        return await self._act(self._book.resolve, alert_id, who, text)

    async def reopen(self, alert_id: str, who: str, text: str) -> Alert:
        """It is not over after all."""
        return await self._act(self._book.reopen, alert_id, who, text)

    async def assign(self, alert_id: str, assignee: str, who: str) -> Alert:
        """``assignee`` is to take care of it, or with "" nobody."""
        return await self._act(self._book.assign, alert_id, assignee, who)

    async def judge(self, alert_id: str, verdict: Verdict, who: str, text: str) -> Alert:
        """It is a false alarm, or right."""

        def judge(id_: str, who: str, text: str, now_us: int) -> Alert:
            return self._book.judge(id_, verdict, who, text, now_us)

        return await self._act(judge, alert_id, who, text)

    async def of_subject(self, subject: str) -> Sequence[Alert]:
        """All alerts about a meter or device, those with the newest beginning first."""
        return await self._ask(self._book.list, subject=subject)

    async def mute(self, alert_id: str, for_us: int | None, who: str, text: str) -> Alert:
        """Send nothing about it for so long; None ends the silence."""
        now = self._clock.now_us()
        until = None if for_us is None else now + for_us
        alert = await self._ask(self._book.mute, alert_id, until, who[:LONGEST_NAME], text[:LONGEST_TEXT], now)
        self._forget()
        return alert

    async def _list(self, *, only_open: bool) -> Sequence[Alert]:
        return await self._ask(self._book.list, only_open=only_open, limit=MOST)

    async def _act(self, how: Callable[[str, str, str, int], Alert], alert_id: str, name: str, text: str) -> Alert:
        alert = await self._ask(how, alert_id, name[:LONGEST_NAME], text[:LONGEST_TEXT], self._clock.now_us())
        self._forget()
        return alert

    def _forget(self) -> None:
        self._open.forget()
        self._all.forget()

    async def _ask(self, how: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return await asyncio.to_thread(how, *args, **kwargs)
        except SQLAlchemyError as error:
            raise StoreUnavailable(f"the alert book does not answer: {type(error).__name__}") from error
