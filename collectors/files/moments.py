"""From what the wall clock showed to instants, row by row: the order of the rows tells the hour that comes twice."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from collectors.files.cells import Wall
from metering.instant import from_datetime

_SECOND = timedelta(seconds=1)


class Moments:
    """Instants (µs, UTC) of rows in the order of the file; ``step_us`` is the usual distance of rows."""

    def __init__(self, zone: ZoneInfo, step_us: int) -> None:
        self._zone = zone
        self._step_us = step_us
        self._wall: Wall | None = None
        self._us = 0

    def of(self, wall: Wall, following: Wall | None) -> int:
        """The instant of a row, given what the next row shows."""
        instant_us = from_datetime(wall.at) if wall.offset else self._guessed(wall, following)
        self._wall, self._us = wall, instant_us
        return instant_us

    def _guessed(self, wall: Wall, following: Wall | None) -> int:
        first, second = (from_datetime(wall.at.replace(tzinfo=self._zone, fold=fold)) for fold in (0, 1))
        due = self._us + self._step_us
        twice = first < second
        if wall.twin and twice:
            return second if wall.twin == "B" else first
        if self._wall is None or self._wall.offset:
            return first
        if due in (first, second):
            return due
        # The end of the first of the twin hours: the clock has gone on, and with the next row it goes back.
        follows = (wall.at - self._wall.at) // _SECOND * 1_000_000 == self._step_us
        if (
            follows
            and following is not None
            and not following.offset
            and (following.at < wall.at or following.twin == "B")
        ):
            return due
        return second if twice and first <= self._us else first
