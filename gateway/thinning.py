"""What is kept of sources that can't wait while the outbox is full. Pure bookkeeping, no I/O."""

from collections.abc import Iterable
from typing import NamedTuple

from msgspec.structs import replace

from metering.instant import QUARTER_HOUR
from metering.quality import Quality
from metering.reading import Reading, Series

THINNED = "thinned"
"""The reason that a kept reading bears when others of its quarter-hour were left out; it is measured all the same."""


class _Kept(NamedTuple):
    reading: Reading
    alone: bool


class Thinner:
    """Keeps the newest reading of each series and quarter-hour; a suspect one only where there is no other.

    So a register goes on with its state at the end of each quarter-hour: no energy is lost, only detail. Holds one
    reading a series.
    """

    def __init__(self) -> None:
        self.dropped = 0  # readings, ever
        self._kept: dict[Series, _Kept] = {}

    @property
    def held(self) -> int:
        """Readings in memory."""
        return len(self._kept)

    def add(self, readings: Iterable[Reading]) -> list[Reading]:
        """Take readings in; returns those that are to be kept now, their quarter-hour being over."""
        finished = []
        for reading in readings:
            before = self._kept.get(reading.series)
            if before is None or _quarter_hour(before.reading) < _quarter_hour(reading):
                if before is not None:
                    finished.append(_marked(before))
                self._kept[reading.series] = _Kept(reading, alone=True)
            elif _quarter_hour(before.reading) > _quarter_hour(reading):
                finished.append(reading)  # a late one, which stands for itself
            else:
                self.dropped += 1
                self._kept[reading.series] = _Kept(max(before.reading, reading, key=_worth), alone=False)
        return finished

    def take(self) -> list[Reading]:
        """All that is held, which is held no longer."""
        taken = [_marked(kept) for kept in self._kept.values()]
        self._kept.clear()
        return taken


def _quarter_hour(reading: Reading) -> int:
    return reading.time_us // QUARTER_HOUR


def _worth(reading: Reading) -> tuple[bool, int]:
    return reading.quality is not Quality.SUSPECT, reading.time_us


def _marked(kept: _Kept) -> Reading:
    return kept.reading if kept.alone or kept.reading.reason else replace(kept.reading, reason=THINNED)
