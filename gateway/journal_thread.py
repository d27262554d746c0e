"""A journal in a thread of its own, so that the event loop never waits for the disk."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import structlog

from gateway.journal import Journal

_RETRY_S = 1.0  # between attempts to write to a disk that fails

_log = structlog.get_logger(__name__)
_T = TypeVar("_T")


class JournalThread:
    """All that is done with ``journal`` is done by `run`, one thing at a time."""

    def __init__(self, folder: Path, segment_bytes: int) -> None:
        self.journal = Journal(folder, segment_bytes)
        self.trouble = ""  # why the disk takes nothing at the moment
        self._folder = folder
        self._thread = ThreadPoolExecutor(1, folder.name)

    async def run(self, work: Callable[..., _T], *arguments: object) -> _T:
        """Do ``work`` in the thread, after all that was asked for before."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    async def append(self, frames: bytes, total: int) -> None:
        """As `Journal.append`, but tries as long as the disk fails."""
        while True:
            try:
                await self.run(self.journal.append, frames, total)
            except OSError as error:
                trouble = f"cannot write to {self._folder}: {error.strerror or error}"
                if trouble != self.trouble:  # once, and not each second: the log may be on the same disk
                    _log.error("disk_write_failed", error=trouble, retry_s=_RETRY_S)
                self.trouble = trouble
                await asyncio.sleep(_RETRY_S)
            else:
                if self.trouble:
                    _log.info("disk_writes_again", folder=str(self._folder))
                self.trouble = ""
                return

    async def close(self) -> None:
        """Close the journal once the thread is idle."""
        await self.run(self.journal.close)
        self._thread.shutdown(wait=False)
