"""What every store can do. It speaks the domain (series, window, aggregate), never a query language.

One contract test suite (``tests/storage``) runs against each implementation on a real server.
"""

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import Protocol

from metering.event import Event
from metering.instant import Window
from metering.reading import Reading, Series
from metering.samples import Floats, Samples
from storage.condensed import Level, Rows


class Aggregate(StrEnum):
    """How the values of a bucket become one."""

    MEAN = "mean"
    MIN = "min"
    MAX = "max"
    SUM = "sum"
    COUNT = "count"
    FIRST = "first"
    LAST = "last"


class StoreError(Exception):
    """Anything a store may fail with."""


class StoreUnavailable(StoreError):
    """The store cannot be reached or is overloaded: the same call may succeed later.

    ``retry_after_s`` is the store's own wish, in seconds, where it named one.
    """

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class StoreRefused(StoreError):
    """The store understood and said no: the same call will never succeed. Part of a batch may have been written."""


class Store(Protocol):
    """A durable home for readings and events.

    All methods raise `StoreUnavailable` while the store cannot answer and `StoreRefused` if it never will.
    None of them blocks the event loop. Windows are half-open, times are µs since the Unix epoch in UTC.
    """

    async def start(self) -> None:
        """Make ready: connect, and create the database or tables if they are missing. Call once, first."""

    async def close(self) -> None:
        """Release everything; what was written stays."""

    async def write(self, readings: Sequence[Reading]) -> None:
        """Keep the readings durably before returning. A reading with the identity of an earlier one replaces it."""

    async def series(self) -> list[Series]:
        """Every series that has a reading, sorted."""

    async def latest(self, devices: Collection[str] | None = None) -> list[Reading]:
        """The newest reading of each series (of the given devices), sorted by series."""

    async def samples(self, series: Collection[Series], window: Window) -> dict[Series, Samples]:
        """All values in the window. A series without any is present with empty samples."""

    async def aggregate(
        self, series: Collection[Series], window: Window, step_us: int, how: Aggregate
    ) -> dict[Series, Samples]:
        """One value for each bucket of ``step_us`` that holds readings; buckets start at multiples of ``step_us``.

        Times are bucket starts; only readings inside the window count. Suspect readings are left out, except by COUNT.
        A bucket's quality is the highest code among its readings. Raises ValueError for a step of 0 or less.
        """

    async def totals(self, groups: Mapping[str, Collection[Series]], periods: Sequence[Window]) -> dict[str, Floats]:
        """The sum of the trusted values of each group of series in each period, 0 where there are none.

        Periods are ascending and do not overlap: local months, days or any other windows. Answers have their length.
        """

    async def readings(self, series: Collection[Series], window: Window) -> list[Reading]:
        """The readings in the window as they were written, reasons too, sorted by series and time."""

    async def flagged(self, window: Window) -> list[Reading]:
        """The readings in the window whose quality is not MEASURED, sorted by time."""

    async def count(self, window: Window) -> int:
        """How many readings the window holds."""

    async def write_events(self, events: Sequence[Event]) -> None:
        """Keep the events durably; one with the id of an earlier one replaces it."""

    async def events(self, window: Window) -> list[Event]:
        """The events that begin in the window, sorted by time."""


class TimeSeries(Store, Protocol):
    """A database: a store of readings that also keeps rows condensed from them (`storage.condensed`), side by side."""

    async def condensed(self, level: Level, series: Collection[Series], window: Window) -> dict[Series, Rows]:
        """The rows of a level whose time lies in the window; a series without any is present with none."""

    async def write_condensed(self, level: Level, rows: Mapping[Series, Rows]) -> None:
        """Keep the rows durably; one with the time of an earlier one replaces it."""

    async def condensed_until(self, level: Level) -> int | None:
        """A time that no row of the level lies after, or None if there are no rows."""

    async def oldest(self, series: Collection[Series], level: Level | None, window: Window) -> int | None:
        """When the first reading (level None) or row of any of the series in the window was."""

    async def forget(self, series: Collection[Series], level: Level | None, window: Window) -> None:
        """Delete the readings (level None) or rows in the window, but never the newest reading of a series.

        Give all series of a device together.
        """
