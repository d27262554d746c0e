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
        self._written: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_shared = False

    async def add(self, item: Item) -> None:
        """Return when a write that included the item has returned. Raises what that write raised."""
        if self._written is None:
            self._written = asyncio.get_running_loop().create_future()
        self._items.append(item)
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="group commit")
        await asyncio.shield(self._written)

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
        written: asyncio.Future[None] | None = None
        try:
            while self._written is not None:
                if self._is_shared:
                    await asyncio.sleep(_GATHER_S)
                items, written = self._items, self._written
                self._items, self._written = [], None
                self._is_shared = len(items) > 1
                try:
                    await self._write(items)
                except Exception as error:  # noqa: BLE001 - it is the callers' to handle
                    written.set_exception(error)
                else:
                    written.set_result(None)
        finally:
            for future in (written, self._written):
                if future is not None:
                    future.cancel()
            self._items, self._written, self._task = [], None, None
