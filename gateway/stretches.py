"""Which stretches of the journal wait for the store, and which of them goes next.

Oldest first there is one, up to the end of the journal. Newest first, a stretch of which more than a batch waits is a
backlog: what is appended from then on is a stretch of its own, gathered in turn with the oldest. What lies between two
stretches is in the store.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from gateway.journal import Entry, Journal, Loss, Position
from gateway.payload import unpack
from metering.reading import Reading

_MOST = 16  # stretches; where the store is too slow for what comes, their number must end somewhere


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


class _Stretch:
    """From ``start``, all up to ``taken`` being on its way to the store, to ``end``; the newest has no end."""

    __slots__ = ("_reader", "end", "start", "taken")

    def __init__(self, start: Position, end: Position | None) -> None:
        self.start = start
        self.end = end
        self.rewind()

    def __contains__(self, after: Position) -> bool:
        """Whether the entry that ends there is part of it."""
        return self.start < after and (self.end is None or after <= self.end)

    def rewind(self) -> None:
        self.taken = self.start
        self._reader: Iterator[Entry | Loss] = iter(())

    def end_at(self, end: Position) -> None:
        self.end = end
        self._reader = iter(())

    def gather(self, journal: Journal, most: int) -> Batch | None:
        """The next batch of it; None if nothing waits."""
        readings: list[Reading] = []
        begin, appended_us, lost = self.taken, 0, 0
        while len(readings) < most and (found := self._next(journal)):
            if isinstance(found, Loss):
                lost += found.total
            else:
                content = unpack(found.payload)
                appended_us = appended_us or content.appended_us
                readings += content.readings
        return Batch(readings, appended_us, self.taken, lost) if self.taken > begin else None

    def _next(self, journal: Journal) -> Entry | Loss | None:
        found = next(self._reader, None)
        if found is None:
            self._reader = journal.read(self.taken, self.end)
            found = next(self._reader, None)
        self.taken = found.after if found is not None else self.end or self.taken
        return found


class Stretches:
    """``bounds`` as in `gateway.cursor`."""

    def __init__(self, bounds: Sequence[Position], *, newest_first: bool) -> None:
        ends = [*bounds[1::2], None]
        self._stretches = [_Stretch(start, end) for start, end in zip(bounds[::2], ends, strict=True)]
        self._newest_first = newest_first
        self._newest_is_next = True

    def __contains__(self, after: Position) -> bool:
        """Whether the entry that ends there waits."""
        return any(after in stretch for stretch in self._stretches)

    def gather(self, journal: Journal, most: int) -> Batch | None:
        """The next batch, of one stretch, with ``most`` readings or a little over; None if nothing waits."""
        newest = self._stretches[-1]
        ahead = [newest] if self._newest_first and self._newest_is_next else []
        for stretch in (*ahead, *self._stretches):
            batch = stretch.gather(journal, most)
            if batch is not None:
                self._newest_is_next = stretch is not newest
                if self._newest_first and stretch is newest:
                    self._divide(newest, journal.end)
                return batch
        return None

    def bounds(self, stored: Position | None = None) -> list[Position]:
        """What is to be saved, once the batch that ends at ``stored`` is in the store."""
        bounds: list[Position] = []
        for stretch in self._stretches:
            start = stored if stored is not None and stored in stretch else stretch.start
            if start != stretch.end:
                bounds += [start] if stretch.end is None else [start, stretch.end]
        return bounds

    def commit(self, stored: Position) -> None:
        """The batch that ends there is in the store."""
        for stretch in self._stretches:
            if stored in stretch:
                stretch.start = stored
        self._stretches = [stretch for stretch in self._stretches if stretch.start != stretch.end]

    def rewind(self) -> None:
        """Gather again what is not committed."""
        for stretch in self._stretches:
            stretch.rewind()

    def _divide(self, newest: _Stretch, end: Position) -> None:
        """Where a batch has not emptied the newest, what is left of it becomes a backlog."""
        if newest.taken < end and len(self._stretches) < _MOST:
            newest.end_at(end)
            self._stretches.append(_Stretch(end, None))
