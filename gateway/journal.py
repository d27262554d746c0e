"""A journal: a folder of append-only segment files, ``0000000000000001.seg`` and so on. Synchronous, for one thread.

A file ``format`` beside them names the number of the format, once it is another than 1.
Nothing is ever repaired by hand. What is found to be no intact frame is copied to the folder ``damaged`` beside
the segments, under the name ``<segment>-<offset>.bin``, and passed over; at the end of a segment it is cut off.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import NamedTuple

from gateway.frames import Damage, Frame, scan
from metering.kept_format import FormatTooNew

FORMAT = 1
"""Of the frames, what is in them, and the files that `gateway.cursor` and `gateway.receipts` keep beside them."""
_DAMAGED_KEPT = 100  # files in the folder of damaged pieces; the oldest make room
_PIECE = 1 << 20  # bytes read at once


class Position(NamedTuple):
    """A place in a journal; positions compare in the order of writing."""

    segment: int
    offset: int


class Entry(NamedTuple):
    """A frame as read: its payload, the number of readings in it, and the position after it."""

    payload: bytes
    total: int
    after: Position


class Loss(NamedTuple):
    """Readings that were appended but cannot be read back any more; the damaged bytes are set aside."""

    total: int
    after: Position


@dataclass(slots=True)
class _Segment:
    path: Path
    size: int = 0  # durable bytes
    total: int = 0  # readings in them


class JournalInUse(Exception):
    """Another process has the journal open."""


class Journal:
    """Appends durably, reads back, drops whole segments.

    segment_bytes  a segment that has reached this size gets no more frames
    """

    def __init__(self, folder: Path, segment_bytes: int) -> None:
        self.size = 0  # intact bytes on disk
        self.damaged = 0  # pieces set aside since the journal was opened
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._segments: dict[int, _Segment] = {}
        self._next = 1
        self._lock = -1
        self._active: tuple[int, _Segment] | None = None  # the newest segment and its file descriptor

    def open(self) -> None:
        """Lock the folder.

        Raises `JournalInUse` if another process has, FormatTooNew, and OSError where it cannot be used.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o640)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            self._lock = -1
            raise JournalInUse(f"{self._folder} is in use by another process; give each its own data_dir") from None
        self._check_format()

    def _check_format(self) -> None:
        file = self._folder / "format"
        found = file.read_text("ascii", "replace").strip() if file.exists() else ""
        if found.isdecimal() and int(found) > FORMAT:
            raise FormatTooNew(self._folder, int(found), FORMAT)

    def recover(self) -> Iterator[Entry]:
        """Every intact entry of former processes, oldest first. To be read to its end before the first append."""
        for path in segment_files(self._folder):
            number = int(path.stem)
            self._next = number + 1
            segment = self._segments[number] = _Segment(path)
            yield from self._recover(number, segment)

    def close(self) -> None:
        self._end_segment()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    @property
    def first(self) -> Position:
        """Where the oldest entry is, or the next one will be."""
        return Position(next(iter(self._segments), self._next), 0)

    @property
    def end(self) -> Position:
        """Where the durable entries end: what is appended from now on comes behind."""
        number = next(reversed(self._segments), None)
        return Position(self._next, 0) if number is None else Position(number, self._segments[number].size)

    def start_after(self, segment: int) -> None:
        """Give new segments higher numbers than ``segment``."""
        self._next = max(self._next, segment + 1)

    def append(self, frames: bytes, total: int) -> None:
        """Return when the frames, with ``total`` readings in them, are on disk.

        Raises OSError if they may not be; then they are not part of the journal, and the call can be repeated.
        """
        if self._active is None or self._active[1].size >= self._segment_bytes:
            self._active = self._begin_segment()
        descriptor, segment = self._active
        try:
            rest = memoryview(frames)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            sync(descriptor)
        except OSError:
            # After a failed fsync nobody knows what is on disk, so nothing is ever appended to this file again.
            with contextlib.suppress(OSError):  # what stays behind the durable end is not read
                os.ftruncate(descriptor, segment.size)
            self._end_segment()
            if not segment.size:  # or a full disk would get another empty file with each attempt
                del self._segments[int(segment.path.stem)]
                segment.path.unlink(missing_ok=True)
            raise
        segment.size += len(frames)
        segment.total += total
        self.size += len(frames)

    def read(self, start: Position, end: Position | None = None) -> Iterator[Entry | Loss]:
        """The durable entries from ``start`` to ``end``; what is appended while reading may be left to the next call.

        Holds about a megabyte at a time, and a segment if it is damaged.
        """
        position = start
        for number in sorted(self._segments):
            if number < position.segment:
                continue
            segment = self._segments.get(number)
            if segment is None:  # gone since the last look
                continue
            position = max(position, Position(number, 0))
            limit = inf if end is None or number < end.segment else end.offset if number == end.segment else 0
            while position.offset < (stop := min(segment.size, limit)):
                for base, found in _scan(segment.path, position.offset, int(stop)):
                    position = Position(number, base + found.end)
                    if isinstance(found, Frame):
                        yield Entry(found.payload, found.total, position)
                    else:
                        self._set_aside(segment, base + found.offset, base + found.end)
                        yield Loss(self._missing(segment), position)

    def drop(self, before: int) -> int:
        """Delete the segments numbered below ``before``; returns how many readings were in them."""
        dropped = 0
        for number in [number for number in self._segments if number < before]:
            segment = self._segments.pop(number)
            segment.path.unlink(missing_ok=True)
            self.size -= segment.size
            dropped += segment.total
        return dropped

    def drop_oldest(self) -> int:
        """Delete the oldest segment, unless it is the only one; returns how many readings were in it."""
        oldest = sorted(self._segments)[:2]
        return self.drop(oldest[1]) if len(oldest) == 2 else 0

    def _recover(self, number: int, segment: _Segment) -> Iterator[Entry]:
        on_disk = segment.path.stat().st_size
        kept = True
        for base, found in _scan(segment.path, 0, on_disk):
            if isinstance(found, Damage):
                kept = self._set_aside(segment, base + found.offset, base + found.end)
                continue
            segment.size, segment.total = base + found.end, segment.total + found.total
            yield Entry(found.payload, found.total, Position(number, segment.size))
        self.size += segment.size
        if segment.size < on_disk and kept:
            os.truncate(segment.path, segment.size)

    def _begin_segment(self) -> tuple[int, _Segment]:
        self._end_segment()
        number, segment = self._next, _Segment(self._folder / f"{self._next:016}.seg")
        self._next += 1
        descriptor = os.open(segment.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o640)
        try:
            sync_folder(self._folder)
        except OSError:
            os.close(descriptor)
            raise
        self._segments[number] = segment
        return descriptor, segment

    def _end_segment(self) -> None:
        if self._active is not None:
            os.close(self._active[0])
            self._active = None

    def _missing(self, segment: _Segment) -> int:
        whole = _scan(segment.path, 0, segment.size)
        intact = sum(found.total for _, found in whole if isinstance(found, Frame))
        missing, segment.total = segment.total - intact, intact
        return missing

    def _set_aside(self, segment: _Segment, offset: int, end: int) -> bool:
        """Copy damaged bytes, once; False if there is no room for them now."""
        folder = self._folder / "damaged"
        copy = folder / f"{segment.path.stem}-{offset}.bin"
        if copy.exists():
            return True
        self.damaged += 1
        try:
            folder.mkdir(exist_ok=True)
            copy.write_bytes(_bytes(segment.path, offset, end))
        except OSError:
            copy.unlink(missing_ok=True)
            return False
        for old in sorted(folder.iterdir())[:-_DAMAGED_KEPT]:
            old.unlink(missing_ok=True)
        return True


def _scan(path: Path, start: int, stop: int) -> Iterator[tuple[int, Frame | Damage]]:
    """All that is found between the offsets, each with the offset that its own are counted from."""
    size = _PIECE
    while start < stop:
        end = min(start + size, stop)
        done = start
        for found in scan(_bytes(path, start, end)):
            if isinstance(found, Damage) and end < stop:
                break  # perhaps a whole frame, and only this piece ends within it
            done = start + found.end
            yield start, found
        size = _PIECE if done > start else stop - start
        start = done


def _bytes(path: Path, start: int, stop: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(stop - start).ljust(stop - start, b"\0")  # a file that has shrunk is damaged at its end


def segment_files(folder: Path) -> list[Path]:
    """The segments in a folder, oldest first."""
    return sorted(path for path in folder.glob("*.seg") if path.stem.isdecimal())


def sync(descriptor: int) -> None:
    """Force a file's content to disk (fdatasync where the system has it)."""
    getattr(os, "fdatasync", os.fsync)(descriptor)


def sync_folder(folder: Path) -> None:
    """Force the names in a folder to disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
