"""The quarantine: readings that were rejected and messages that nobody could decode, with their reasons.

On disk, in a journal of its own. Bounded: the oldest goes when there is no room, and is counted. A case has the id
``<segment>-<offset>``, after the place where it is written, for as long as it is there.
"""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from collectors.protocol import DeadLetter
from gateway.frames import Frame, encode, scan
from gateway.group_commit import GroupCommit
from gateway.journal import segment_files
from gateway.journal_thread import JournalThread
from metering.reading import Reading

_SEGMENTS = 8  # how many make up a full quarantine


class Case(msgspec.Struct, frozen=True):
    """Something set aside: either a reading or a dead letter.

    at_us   when, µs since the Unix epoch, UTC
    reason  a key of `gateway.plausibility.reasons`, or for a dead letter what the decoder said
    detail  what the store said, if it was the store that refused
    ended   instead of all that: the id of a case that was replayed, and so is none any more
    """

    at_us: int
    reason: str
    detail: str = ""
    reading: Reading | None = None
    letter: DeadLetter | None = None
    ended: str = ""


class Kept(NamedTuple):
    """A case with its id and how many bytes it takes on disk."""

    id: str
    case: Case
    size: int


_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Case).decode


class Quarantine:
    """Keeps cases.

    max_bytes  on disk; the files may take up to an eighth more
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.dropped = 0  # cases thrown out for newer ones, since opened
        self.folder = folder
        self._max_bytes = max_bytes
        self._disk = JournalThread(folder, max_bytes // _SEGMENTS)
        self._commits: GroupCommit[tuple[bytes, int]] = GroupCommit(self._flush)

    @property
    def trouble(self) -> str:
        """Why the disk takes nothing at the moment, or ""."""
        return self._disk.trouble

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self._disk.journal.size

    async def open(self) -> None:
        """Raises `gateway.journal.JournalInUse` and OSError."""
        await self._disk.run(self._recover)

    async def close(self, patience_s: float = 0.0) -> None:
        """Finish writes under way for up to ``patience_s`` seconds."""
        await self._commits.close(patience_s)
        await self._disk.close()

    async def keep(self, cases: Sequence[Case]) -> None:
        """Return when the cases are on disk; wait as long as the disk fails."""
        await self._commits.add((b"".join(encode(_pack(case), 1) for case in cases), len(cases)))

    async def end(self, ids: Iterable[str], now_us: int) -> None:
        """Return when it is on disk that these cases are none any more."""
        frames = b"".join(encode(_pack(Case(now_us, "replayed", ended=id_)), 0) for id_ in ids)
        await self._commits.add((frames, 0))

    async def _flush(self, writes: list[tuple[bytes, int]]) -> None:
        await self._disk.append(b"".join(frames for frames, _ in writes), sum(total for _, total in writes))
        self.dropped += await self._disk.run(self._make_room)

    def _recover(self) -> None:
        self._disk.journal.open()
        for _ in self._disk.journal.recover():
            pass

    def _make_room(self) -> int:
        dropped = 0
        while self._disk.journal.size > self._max_bytes and (oldest := self._disk.journal.drop_oldest()):
            dropped += oldest
        return dropped


def cases(folder: Path) -> Iterator[Case]:
    """What a quarantine holds, oldest first; from any process, also while the gateway runs."""
    return (kept.case for kept in kept_cases(folder))


def kept_cases(folder: Path) -> Iterator[Kept]:
    """The same, each with its id."""
    ended = {kept.case.ended for kept in _all(folder)}
    return (kept for kept in _all(folder) if not kept.case.ended and kept.id not in ended)


def _all(folder: Path) -> Iterator[Kept]:
    for path in segment_files(folder):
        try:
            data = path.read_bytes()
        except FileNotFoundError:  # it made room meanwhile
            continue
        for found in scan(data):
            if isinstance(found, Frame):
                with contextlib.suppress(msgspec.DecodeError):  # bytes that only look like a frame, in damaged ones
                    yield Kept(f"{int(path.stem)}-{found.offset}", _unpack(found.payload), found.end - found.offset)
