"""Which deliveries were accepted before, so that a redelivery is recognised after a crash."""

import os
from array import array
from pathlib import Path

import msgspec

from collectors.protocol import Receipts
from gateway.frames import Frame, encode, scan
from gateway.journal import sync, sync_folder

CHANNELS_KEPT = 10_000
"""Of how many channels receipts are remembered: of each all that one MQTT session can have, which is 65,535."""
_NONE = -1

_decode = msgspec.msgpack.Decoder(list[Receipts]).decode


class Accepted:
    """The newest receipt of each packet id in a channel.

    A broker uses a packet id again only after the delivery before was acknowledged, so the newest one is enough. Of
    more channels than are kept the one goes first of which nothing was heard for longest. Digests are in arrays, as
    long as the highest packet id so far: as objects they would take fifteen times the room, and as many holes in the
    memory of all that comes and goes between them.
    """

    def __init__(self, channels: int = CHANNELS_KEPT) -> None:
        self._channels = channels
        self._digests: dict[str, array[int]] = {}

    def has(self, channel: str, number: int, digest: int) -> bool:
        known = self._digests.get(channel, ())
        return number < len(known) and known[number] == digest

    def add(self, receipts: Receipts) -> None:
        known = self._digests[receipts.channel] = self._digests.pop(receipts.channel, array("q"))
        missing = max(receipts.digests, default=0) + 1 - len(known)
        if missing > 0:
            known.extend([_NONE] * missing)
        for number, digest in receipts.digests.items():
            known[number] = digest
        if len(self._digests) > self._channels:
            del self._digests[next(iter(self._digests))]

    def snapshot(self) -> list[Receipts]:
        """All of them, the oldest channel first."""
        return [
            Receipts(channel, {number: digest for number, digest in enumerate(known) if digest != _NONE})
            for channel, known in self._digests.items()
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
