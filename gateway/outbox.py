"""The outbox: a durable, bounded queue of readings between the collectors and the store.

On disk: a journal of segments, ``cursor`` (what the store has of it) and ``receipts`` (those of segments that are
deleted). Policy: when it is full, or the disk is, `Outbox.append` waits. Nothing is ever thrown out. An eighth
of the room is reserved for what `gateway.thinning` leaves of sources that cannot wait.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import structlog

from collectors.protocol import Receipts
from gateway import receipts as receipt_file
from gateway.cursor import Cursor
from gateway.frames import encode
from gateway.group_commit import GroupCommit
from gateway.journal import Position
from gateway.journal_thread import JournalThread
from gateway.payload import Content, pack, receipts_in
from gateway.receipts import Accepted
from gateway.stretches import Batch, Stretches
from metering.clock import Clock
from metering.reading import Reading

_FRAME_READINGS = 2_000  # of one append in one frame; batches for the store consist of whole frames
_RESERVE = 8  # this part of the room
_SEGMENTS = 16  # how many make up a full outbox


_log = structlog.get_logger(__name__)


class _Append(NamedTuple):
    frames: bytes
    total: int
    receipts: Receipts | None


class Outbox:
    """One writer of the store takes out; any number of tasks put in.

    max_bytes     of readings waiting for the store, the reserve included; files take up to a sixteenth more
    newest_first  whether what comes while a backlog waits goes before it, see `gateway.stretches`
    """

    def __init__(self, folder: Path, max_bytes: int, clock: Clock, *, newest_first: bool = False) -> None:
        self.appended = 0  # readings, since opened
        self.queued = 0  # readings
        self.queued_at_start = 0
        self.full = False  # whether appends wait for room, or were refused for want of it
        self._pending = 0  # bytes on their way to the disk
        self._folder = folder
        self._max_bytes = max_bytes
        self._clock = clock
        self._disk = JournalThread(folder, max_bytes // _SEGMENTS)
        self._journal = self._disk.journal
        self._commits: GroupCommit[_Append] = GroupCommit(self._flush)
        self._accepted = Accepted()
        self._cursor = Cursor(folder / "cursor")
        self._newest_first = newest_first
        self._waiting = Stretches([Position(0, 0)], newest_first=newest_first)
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()

    @property
    def has_room(self) -> bool:
        """Whether appends need not wait at the moment."""
        return self._has_room()

    @property
    def size(self) -> int:
        """Bytes on disk, including what the store has but that is not deleted yet."""
        return self._journal.size

    @property
    def trouble(self) -> str:
        """Why the disk takes nothing at the moment, or ""."""
        return self._disk.trouble

    @property
    def damaged(self) -> int:
        """Pieces of damaged bytes set aside since opened."""
        return self._journal.damaged

    async def open(self) -> None:
        """Recover what a former process left. Raises `gateway.journal.JournalInUse` and OSError."""
        self.queued = self.queued_at_start = await self._disk.run(self._recover)

    async def close(self, patience_s: float = 0.0) -> None:
        """Finish writes under way for up to ``patience_s`` seconds. Appends still waiting then are cancelled."""
        await self._commits.close(patience_s)
        await self._disk.close()
        self._cursor.close()

    async def append(self, readings: Sequence[Reading], receipts: Receipts | None = None) -> None:
        """Return when all of it is on disk; wait as long as there is no room."""
        if not readings and receipts is None:
            return
        frames = self._frames(readings, receipts)
        while not self._has_room(len(frames)):
            self._tell(full=True)
            self._room.clear()
            await self._room.wait()
        await self._add(_Append(frames, len(readings), receipts))

    async def append_at_once(self, readings: Sequence[Reading], *, from_reserve: bool = False) -> bool:
        """As `append`, but returns False instead of waiting for room."""
        if readings:
            frames = self._frames(readings, None)
            if not self._has_room(len(frames), from_reserve=from_reserve):
                self._tell(full=True)
                return False
            await self._add(_Append(frames, len(readings), None))
        return True

    def is_known(self, channel: str, number: int, digest: int) -> bool:
        """Whether the delivery is among those remembered, see `gateway.receipts`."""
        return self._accepted.has(channel, number, digest)

    async def take(self, most: int, linger_s: float = 0.0) -> Batch:
        """The next batch, of ``most`` readings or a little over; waits for readings if there are none.

        For a whole batch it waits up to ``linger_s`` seconds, since a request to the store costs as much as hundreds
        of readings in it.
        """
        if 0 < self.queued < most:
            await self._linger(most, linger_s)
        while True:
            self._arrived.clear()
            batch = await self._disk.run(self._waiting.gather, self._journal, most)
            if batch is not None:
                return batch
            await self._arrived.wait()
            await self._linger(most, linger_s)

    async def commit(self, batch: Batch) -> None:
        """Record durably that the store has the batch (or that it is set aside); deletes what nobody needs."""
        bounds = self._waiting.bounds(batch.after)
        passed = bounds[0].segment > self._waiting.bounds()[0].segment
        await self._disk.run(self._commit, bounds, self._accepted.snapshot() if passed else None)
        self._waiting.commit(batch.after)
        self.queued -= len(batch.readings) + batch.lost
        if self._has_room():
            self._tell(full=False)
        self._room.set()

    async def settled(self) -> None:
        """Wait until nothing is on its way to the disk, also of appends whose callers have gone."""
        await self._commits.settled()

    async def drained(self) -> None:
        """Wait until nothing is queued."""
        while self.queued:
            self._room.clear()
            await self._room.wait()

    async def _linger(self, most: int, longest_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(longest_s):
                while self.queued < most:
                    self._arrived.clear()
                    await self._arrived.wait()

    def rewind(self) -> None:
        """Take again what is not committed."""
        self._waiting.rewind()

    def _frames(self, readings: Sequence[Reading], receipts: Receipts | None) -> bytes:
        now_us = self._clock.now_us()
        chunks = [readings[n : n + _FRAME_READINGS] for n in range(0, len(readings), _FRAME_READINGS)] or [()]
        # Receipts go last: if the end of the write is torn off, the delivery must count as not accepted.
        frames = [encode(pack(Content(now_us, None, chunk)), len(chunk)) for chunk in chunks[:-1]]
        frames.append(encode(pack(Content(now_us, receipts, chunks[-1])), len(chunks[-1])))
        return b"".join(frames)

    def _has_room(self, size: int = 0, *, from_reserve: bool = False) -> bool:
        """Whether so many bytes may be added now; anything may, where nothing waits for the store."""
        limit = self._max_bytes if from_reserve else self._max_bytes - self._max_bytes // _RESERVE
        nothing_waits = self.queued == self._pending == 0
        return nothing_waits or self._journal.size + self._pending + size <= limit

    def _tell(self, *, full: bool) -> None:
        if full and not self.full:
            _log.error("outbox_full", bytes=self.size, queued=self.queued)
        elif self.full and not full:
            _log.info("outbox_has_room", bytes=self.size, queued=self.queued)
        self.full = full

    async def _add(self, append: _Append) -> None:
        self._pending += len(append.frames)
        try:
            await self._commits.add(append)
        finally:
            self._pending -= len(append.frames)

    async def _flush(self, appends: list[_Append]) -> None:
        frames = b"".join(append.frames for append in appends)
        total = sum(append.total for append in appends)
        await self._disk.append(frames, total)
        self.appended += total
        self.queued += total
        for append in appends:
            self._remember(append.receipts)
        self._arrived.set()

    def _recover(self) -> int:
        queued = 0
        self._journal.open()
        bounds = self._cursor.open()
        self._waiting = Stretches(bounds, newest_first=self._newest_first)
        for receipts in receipt_file.load(self._folder / "receipts"):
            self._remember(receipts)
        for entry in self._journal.recover():
            self._remember(receipts_in(entry.payload))
            if entry.after in self._waiting:
                queued += entry.total
        self._journal.start_after(bounds[-1].segment)
        if self._journal.first.segment < bounds[0].segment:
            self._drop(bounds[0].segment, self._accepted.snapshot())
        return queued

    def _remember(self, receipts: Receipts | None) -> None:
        if receipts is not None:
            self._accepted.add(receipts)

    def _commit(self, bounds: list[Position], receipts: list[Receipts] | None) -> None:
        self._cursor.save(bounds)
        if receipts is not None:
            self._drop(bounds[0].segment, receipts)

    def _drop(self, before: int, receipts: list[Receipts]) -> None:
        path = self._folder / "receipts"
        try:
            receipt_file.save(receipts, path)
        except OSError:  # on a full disk the segments must go first
            self._journal.drop(before)
            receipt_file.save(receipts, path)
        self._journal.drop(before)
