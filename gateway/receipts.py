"""Which deliveries were accepted before, so that a redelivery is recognised after a crash."""

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from collectors.protocol import Receipt
from gateway.frames import Frame, encode, scan
from gateway.journal import sync, sync_folder

RECEIPTS_KEPT = 131_072
"""Receipts remembered, over all channels; twice the 65,535 deliveries one MQTT session can have unacknowledged."""


class Receipts:
    """The newest receipt of each (channel, number), at most ``limit`` of them, the oldest forgotten first.

    A broker uses a packet id again only after the delivery before was acknowledged, so the newest one is enough.
    """

    def __init__(self, limit: int = RECEIPTS_KEPT) -> None:
        self._limit = limit
        self._digests: dict[tuple[str, int], str] = {}

    def __contains__(self, receipt: Receipt) -> bool:
        return self._digests.get((receipt.channel, receipt.number)) == receipt.digest

    def __len__(self) -> int:
        return len(self._digests)

    def add(self, receipts: Iterable[Receipt]) -> None:
        digests = self._digests
        for channel, number, digest in receipts:
            key = (channel, number)
            digests.pop(key, None)
            digests[key] = digest
        while len(digests) > self._limit:
            del digests[next(iter(digests))]

    def snapshot(self) -> list[Receipt]:
        """All of them, oldest first."""
        return [Receipt(channel, number, digest) for (channel, number), digest in self._digests.items()]


def save(receipts: list[Receipt], path: Path) -> None:
    """Replace the file by these receipts, durably and at once."""
    fresh = path.with_suffix(".new")
    with fresh.open("wb") as file:
        file.write(encode(msgspec.msgpack.encode(receipts), 0))
        file.flush()
        sync(file.fileno())
    os.replace(fresh, path)  # noqa: PTH105 - named as the system call it is
    sync_folder(path.parent)


def load(path: Path) -> list[Receipt]:
    """The saved receipts; none if the file is missing or damaged."""
    if not path.exists():
        return []
    found = next(scan(path.read_bytes()), None)
    return msgspec.msgpack.decode(found.payload, type=list[Receipt]) if isinstance(found, Frame) else []
