"""Group commit: whoever adds while a write is under way shares the next one."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")

_GATHER_S = 0.003
"""So long a write waits for more, where the last had items of several callers: it costs as much as many items in it."""


class GroupCommit(Generic[Item]):
    """Hands items to ``write`` in the order they were added, one write at a time, as many items each as have come.

    A caller that is cancelled while it waits does not take its item back: it may still be written.
    """

    def __init__(self, write: Callable[[list[Item]], Awaitable[None]]) -> None:
        self._write = write
        self._items: list[Item] = []
        self._callers: list[asyncio.Future[None]] = []  # each waits for one of the items
        self._task: asyncio.Task[None] | None = None
        self._is_shared = False

    async def add(self, item: Item) -> None:
        """Return when a write that included the item has returned. Raises what that write raised."""
        caller = asyncio.get_running_loop().create_future()
        self._items.append(item)
        self._callers.append(caller)
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="group commit")
        await caller

    async def settled(self) -> None:
        """Wait until all that was added is written, or given up."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def close(self, patience_s: float = 0.0) -> None:
        """Wait up to ``patience_s`` seconds for the writes under way; who still waits then is cancelled."""
        if self._task is not None:
            await asyncio.wait([self._task], timeout=patience_s)
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        callers: list[asyncio.Future[None]] = []
        try:
            while self._items:
                if self._is_shared:
                    await asyncio.sleep(_GATHER_S)
                items, callers = self._items, self._callers
                self._items, self._callers = [], []
                self._is_shared = len(items) > 1
                failure: Exception | None = None
                try:
                    await self._write(items)
                except Exception as error:  # noqa: BLE001 - it is the callers' to handle
                    failure = error
                for caller in callers:
                    if caller.cancelled():
                        continue
                    if failure is None:
                        caller.set_result(None)
                    else:
                        caller.set_exception(failure)
        finally:
            for caller in (*callers, *self._callers):
                caller.cancel()
            self._items, self._callers, self._task = [], [], None
