"""A place for work that can be exchanged while it runs."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

Work = Callable[[], Coroutine[Any, Any, None]]


class Slot:
    """Runs one piece of work at a time."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._task: asyncio.Task[None] | None = None
        self._next: Work | None = None

    def exchange(self, work: Work) -> None:
        """Stop the work, wait until it has stopped, and go on with this."""
        self._next = work
        if self._task is not None:
            self._task.cancel()

    async def run(self) -> None:
        """Until cancelled, or until the work ends by itself. Raises what the work raises."""
        while True:
            if self._next is not None:
                self._work, self._next = self._next, None
            self._task = asyncio.create_task(self._work(), name="part")
            try:
                await asyncio.wait([self._task])
            finally:
                self._task.cancel()  # if it was this that was cancelled
                await asyncio.wait([self._task])
            if self._next is None or not self._task.cancelled():
                return self._task.result()
