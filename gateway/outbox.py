"""The outbox: a durable, bounded queue of readings between the collectors and the store.

On disk: a journal of segments, ``cursor`` (up to where the store has everything) and ``receipts`` (those of segments
that are deleted). Policy: when it is full, or the disk is, `Outbox.append` waits. Nothing is ever thrown out. An eighth
of the room is reserved for what `gateway.thinning` leaves of sources that cannot wait.
"""

import asyncio
import os
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

import msgspec
import structlog

from collectors.protocol import Receipt
from gateway import receipts as receipt_file
from gateway.frames import encode
from gateway.group_commit import GroupCommit
from gateway.journal import Entry, Loss, Position, sync
from gateway.journal_thread import JournalThread
from gateway.receipts import Receipts
from metering.clock import Clock
from metering.reading import Reading

_FRAME_READINGS = 2_000  # of one append in one frame; batches for the store consist of whole frames
_RESERVE = 8  # this part of the room
_SEGMENTS = 16  # how many make up a full outbox
_CURSOR = struct.Struct("<QQI")  # segment, offset, CRC-32 of both


class _Content(msgspec.Struct, array_like=True, gc=False):
    """The payload of a frame, as written."""

    appended_us: int
    receipts: Sequence[Receipt]
    readings: Sequence[Reading]


class _Head(msgspec.Struct, array_like=True, gc=False):
    """The payload of a frame, read as far as recovery needs it."""

    appended_us: int
    receipts: list[Receipt]
    readings: msgspec.Raw


_log = structlog.get_logger(__name__)
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(_Content).decode
_unpack_head = msgspec.msgpack.Decoder(_Head).decode


class Batch(NamedTuple):
    """What goes to the store next, in the order it was appended; there may be no readings in it.

    appended_us  when the first of it was appended
    after        the position to commit
    lost         readings that cannot be read back, their bytes being set aside as damaged
    """

    readings: list[Reading]
    appended_us: int
    after: Position
    lost: int


class _Append(NamedTuple):
    frames: bytes
    total: int
    receipts: Sequence[Receipt]


class Outbox:
    """One writer of the store takes out; any number of tasks put in.

    max_bytes  of readings waiting for the store, the reserve included; files take up to a sixteenth more
    """

    def __init__(self, folder: Path, max_bytes: int, clock: Clock) -> None:
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
        self._receipts = Receipts()
        self._cursor_file = -1
        self._committed = self._taken = Position(0, 0)
        self._reader: Iterator[Entry | Loss] = iter(())
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
        if self._cursor_file >= 0:
            os.close(self._cursor_file)
            self._cursor_file = -1

    async def append(self, readings: Sequence[Reading], receipts: Sequence[Receipt] = ()) -> None:
        """Return when all of it is on disk; wait as long as there is no room."""
        if not readings and not receipts:
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
            frames = self._frames(readings, ())
            if not self._has_room(len(frames), from_reserve=from_reserve):
                self._tell(full=True)
                return False
            await self._add(_Append(frames, len(readings), ()))
        return True

    def is_known(self, receipt: Receipt) -> bool:
        """Whether the delivery is among those remembered, see `gateway.receipts`."""
        return receipt in self._receipts

    async def take(self, most: int, linger_s: float = 0.0) -> Batch:
        """The next batch, of ``most`` readings or a little over; waits for readings if there are none.

        After such a wait it lingers ``linger_s`` seconds, so that a quiet system does not write one by one.
        """
        while True:
            self._arrived.clear()
            batch = await self._disk.run(self._gather, most)
            if batch is not None:
                return batch
            await self._arrived.wait()
            if self.queued < most:
                await asyncio.sleep(linger_s)

    async def commit(self, batch: Batch) -> None:
        """Record durably that the store has the batch (or that it is set aside); deletes what nobody needs."""
        passed = batch.after.segment > self._committed.segment
        await self._disk.run(self._commit, batch.after, self._receipts.snapshot() if passed else None)
        self._committed = batch.after
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

    def rewind(self) -> None:
        """Take again from the last commit on."""
        self._taken = self._committed
        self._reader = iter(())

    def _frames(self, readings: Sequence[Reading], receipts: Sequence[Receipt]) -> bytes:
        now_us = self._clock.now_us()
        chunks = [readings[n : n + _FRAME_READINGS] for n in range(0, len(readings), _FRAME_READINGS)] or [()]
        # Receipts go last: if the end of the write is torn off, the delivery must count as not accepted.
        frames = [encode(_pack(_Content(now_us, (), chunk)), len(chunk)) for chunk in chunks[:-1]]
        frames.append(encode(_pack(_Content(now_us, receipts, chunks[-1])), len(chunks[-1])))
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
            self._receipts.add(append.receipts)
        self._arrived.set()

    def _recover(self) -> int:
        queued = 0
        self._journal.open()
        self._cursor_file = os.open(self._folder / "cursor", os.O_RDWR | os.O_CREAT, 0o640)
        cursor = _read_cursor(self._cursor_file)
        self._receipts.add(receipt_file.load(self._folder / "receipts"))
        for entry in self._journal.recover():
            self._receipts.add(_unpack_head(entry.payload).receipts)
            if entry.after > cursor:
                queued += entry.total
        self._journal.start_after(cursor.segment)
        self._committed = self._taken = max(cursor, self._journal.first)
        if self._journal.first.segment < cursor.segment:
            self._drop(cursor.segment, self._receipts.snapshot())
        return queued

    def _gather(self, most: int) -> Batch | None:
        readings: list[Reading] = []
        start, appended_us, lost = self._taken, 0, 0
        while len(readings) < most:
            found = next(self._reader, None)
            if found is None:
                self._reader = self._journal.read(self._taken)
                found = next(self._reader, None)
            if found is None:
                break
            self._taken = found.after
            if isinstance(found, Loss):
                lost += found.total
            else:
                content = _unpack(found.payload)
                appended_us = appended_us or content.appended_us
                readings += content.readings
        return Batch(readings, appended_us, self._taken, lost) if self._taken > start else None

    def _commit(self, after: Position, receipts: list[Receipt] | None) -> None:
        os.pwrite(self._cursor_file, _cursor(after), 0)
        sync(self._cursor_file)
        if receipts is not None:
            self._drop(after.segment, receipts)

    def _drop(self, before: int, receipts: list[Receipt]) -> None:
        path = self._folder / "receipts"
        try:
            receipt_file.save(receipts, path)
        except OSError:  # on a full disk the segments must go first
            self._journal.drop(before)
            receipt_file.save(receipts, path)
        self._journal.drop(before)


def _cursor(position: Position) -> bytes:
    return _CURSOR.pack(*position, crc32(b"%d %d" % position))


def _read_cursor(descriptor: int) -> Position:
    """The saved position; the very beginning if it is missing or damaged, since storing twice changes nothing."""
    data = os.pread(descriptor, _CURSOR.size, 0)
    if len(data) == _CURSOR.size:
        segment, offset, checksum = _CURSOR.unpack(data)
        if checksum == crc32(b"%d %d" % (segment, offset)):
            return Position(segment, offset)
    return Position(0, 0)
