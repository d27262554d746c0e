"""Which deliveries were accepted before, so that a redelivery is recognised after a crash."""

import os
from array import array
from pathlib import Path

import msgspec

from collectors.protocol import Receipts
from gateway.frames import Frame, encode, scan
from gateway.journal import sync, sync_folder

NUMBERS_KEPT, CHANNELS_KEPT = 10_000, 10_000
"""How many of the newest receipts of a channel are remembered at least, and of how many channels.

A broker of MQTT 5 has no more deliveries unacknowledged than the receive maximum it was told, which is far less. To
remember all 65,535 packet ids would take a delivery for known that only resembles the one under its id a round ago.
"""
_NONE = -1

_decode = msgspec.msgpack.Decoder(list[Receipts]).decode


class Accepted:
    """The newest receipt of each packet id in a channel: at least the newest ``numbers``, at most about twice as many.

    A broker uses a packet id again only after the delivery before was acknowledged, so the newest one is enough. Of
    more channels than are kept the one goes first of which nothing was heard for longest. Digests are in arrays, as
    long as the highest packet id so far: as objects they would take fifteen times the room, and as many holes in the
    memory of all that comes and goes between them.
    """

    def __init__(self, numbers: int = NUMBERS_KEPT, channels: int = CHANNELS_KEPT) -> None:
        self._numbers, self._channels = numbers, channels
        self._digests: dict[str, array[int]] = {}
        self._older: dict[str, array[int]] = {}  # those before
        self._count: dict[str, int] = {}  # of those that are not older

    def has(self, channel: str, number: int, digest: int) -> bool:
        for known in (self._digests.get(channel, ()), self._older.get(channel, ())):
            if number < len(known) and known[number] != _NONE:
                return known[number] == digest
        return False

    def add(self, receipts: Receipts) -> None:
        channel, digests = receipts.channel, receipts.digests
        known = self._digests[channel] = self._digests.pop(channel, array("q"))
        first, last = min(digests, default=0), max(digests, default=-1)
        missing = last + 1 - len(known)
        if missing > 0:
            known.extend([_NONE] * missing)
        if list(digests) == list(range(first, last + 1)):  # as brokers count: copied at once
            known[first : last + 1] = array("q", digests.values())
        else:
            for number, digest in digests.items():
                known[number] = digest
        self._count[channel] = self._count.get(channel, 0) + len(digests)
        if self._count[channel] >= self._numbers:
            self._older[channel], self._digests[channel], self._count[channel] = known, array("q"), 0
        if len(self._digests) > self._channels:
            silent = next(iter(self._digests))
            del self._digests[silent], self._count[silent]
            self._older.pop(silent, None)

    def snapshot(self) -> list[Receipts]:
        """All of them, to be added again in this order: the oldest channel first, and of each its older ones first."""
        return [
            Receipts(channel, {number: digest for number, digest in enumerate(part[channel]) if digest != _NONE})
            for channel in self._digests
            for part in (self._older, self._digests)
            if part.get(channel)
        ]


def save(receipts: list[Receipts], path: Path) -> None:
    """Replace the file by these receipts, durably and at once."""
    fresh = path.with_suffix(".new")
    with fresh.open("wb") as file:
        file.write(encode(msgspec.msgpack.encode(receipts), 0))
        file.flush()
        sync(file.fileno())
    os.replace(fresh, path)  # noqa: PTH105 - named as the system call it is
    sync_folder(path.parent)


def load(path: Path) -> list[Receipts]:
    """The saved receipts; none if the file is missing, damaged, or in the form of versions before 0.1.0."""
    if not path.exists():
        return []
    found = next(scan(path.read_bytes()), None)
    try:
        return _decode(found.payload) if isinstance(found, Frame) else []
    except msgspec.ValidationError:
        return []
