"""One answer for all who ask about the same thing at about the same time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Shared(Generic[_T]):
    """Asks at most every ``for_s`` seconds, however many want to know; who asks meanwhile gets the same answer.

    A failure is told to those who waited for it and not kept.
    """

    def __init__(self, ask: Callable[[], Awaitable[_T]], for_s: float) -> None:
        self._ask = ask
        self._for_s = for_s
        self._asked = float("-inf")
        self._answer: asyncio.Future[_T] | None = None

    async def __call__(self) -> _T:
        now = asyncio.get_running_loop().time()
        answer = self._answer
        failed = answer is not None and answer.done() and (answer.cancelled() or answer.exception() is not None)
        if answer is None or failed or now - self._asked > self._for_s:
            self._asked = now
            answer = self._answer = asyncio.ensure_future(self._ask())
        return await asyncio.shield(answer)

    def forget(self) -> None:
        """Ask anew the next time, since the answer has changed."""
        self._answer = None
