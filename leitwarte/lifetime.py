"""How long a process runs: until its work ends, a signal, or a time."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Coroutine, Iterator
from typing import Any


async def until_stopped(work: Coroutine[Any, Any, None], seconds: float | None = None) -> None:
    """Run the work until it ends, SIGINT or SIGTERM comes, or so many seconds are over; then cancel it and wait for it.

    Raises what the work raised (of a group of exceptions the first), but nothing for having been stopped.
    """
    running = asyncio.create_task(work, name="work")
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, running.cancel)
    try:
        await asyncio.wait([running], timeout=seconds)
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
    except BaseExceptionGroup as group:
        raise _first(group) from group
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


@contextlib.contextmanager
def upon(number: signal.Signals, action: Callable[[], Coroutine[Any, Any, object]]) -> Iterator[None]:
    """While the block runs, take action when the signal comes. To be entered in the event loop."""
    loop = asyncio.get_running_loop()
    under_way: set[asyncio.Task[object]] = set()

    def begin() -> None:
        task = loop.create_task(action(), name=f"upon {number.name}")
        under_way.add(task)
        task.add_done_callback(under_way.discard)

    loop.add_signal_handler(number, begin)
    try:
        yield
    finally:
        loop.remove_signal_handler(number)
        for task in under_way:
            task.cancel()


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
