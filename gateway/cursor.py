"""The cursor file: what of the journal the store still has to get.

Bounds are positions at which it changes whether the store has what comes: ``start, end, start, end, …, start``. Nearly
always there is one, with everything before it stored and nothing behind.
"""

import os
from pathlib import Path

import msgspec

from gateway.frames import Frame, encode, scan
from gateway.journal import Position, sync

_BEGINNING = [Position(0, 0)]
_decode = msgspec.msgpack.Decoder(list[Position]).decode


class Cursor:
    """Overwritten in place, which is torn at worst: then everything counts as not stored, and is stored over itself."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1

    def open(self) -> list[Position]:
        """The saved bounds; the very beginning if they are missing or damaged."""
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o640)
        found = next(scan(self._path.read_bytes()), None)
        return _decode(found.payload) if isinstance(found, Frame) else _BEGINNING

    def save(self, bounds: list[Position]) -> None:
        """Return when they are on disk. Raises OSError."""
        os.pwrite(self._descriptor, encode(msgspec.msgpack.encode(bounds), 0), 0)
        sync(self._descriptor)

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
