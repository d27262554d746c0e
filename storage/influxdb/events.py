"""Events in InfluxDB: written so that an id is there once, and read back."""

from collections.abc import Sequence

from metering.event import Event, Severity
from metering.instant import Window
from storage.influxdb.answers import decode
from storage.influxdb.connection import Connection
from storage.influxdb.influxql import delete, identifier, is_one_of, select, within
from storage.influxdb.line_protocol import encode_events
from storage.influxdb.schema import EVENT, EVENT_TAGS
from storage.influxdb.writer import Writer
from storage.protocol import StoreRefused

_IDS_AT_ONCE = 50
_FIELDS = ("title", "severity", "end_us")


class EventLog:
    """The events' half of `storage.influxdb.store`; windows and errors are those of `storage.protocol.Store`."""

    def __init__(self, connection: Connection, writer: Writer) -> None:
        self._connection = connection
        self._writer = writer

    async def write(self, events: Sequence[Event]) -> None:
        """InfluxDB replaces fields only: what would survive beside the new version of an event is deleted first."""
        latest = list({event.id: event for event in events}.values())
        lines = encode_events(latest)
        for at in range(0, len(latest), _IDS_AT_ONCE):
            await self._make_way(latest[at : at + _IDS_AT_ONCE])
        if lines:
            await self._writer.write("\n".join(lines).encode())

    async def read(self, window: Window) -> list[Event]:
        """Unsorted."""
        return await self._select(within(window))

    async def _make_way(self, events: Sequence[Event]) -> None:
        written = {event.id: event for event in events}
        present = await self._select(is_one_of("id", written))
        stale = sorted({event.id for event in present if not _replaces(written[event.id], event)})
        if not stale:
            return
        if self._connection.settings.version == 3:
            raise StoreRefused(f"InfluxDB 3 deletes nothing, so these events cannot be taken back: {', '.join(stale)}")
        decode(await self._connection.execute(delete(EVENT, is_one_of("id", stale))))

    async def _select(self, where: str) -> list[Event]:
        columns = {name: identifier(name) for name in _FIELDS}
        statement = select(columns, EVENT, [where], [identifier(tag) for tag in EVENT_TAGS])
        events = []
        for rows in decode(await self._connection.query(statement), EVENT_TAGS):
            building, id_, kind, subject = rows.tags
            for time_us, title, severity, end_us in zip(*(rows.columns[c] for c in ("time", *_FIELDS)), strict=True):
                end = None if end_us is None else int(end_us)
                level = Severity(int(severity or 0))
                events.append(Event(id_, int(time_us or 0), end, kind, level, subject, building, str(title or "")))
        return events


def _replaces(new: Event, old: Event) -> bool:
    """Whether writing ``new`` leaves nothing of ``old``: same point, and an end only where there is one again."""
    same_point = all(getattr(new, name) == getattr(old, name) for name in ("time_us", *EVENT_TAGS))
    return same_point and (old.end_us is None or new.end_us is not None)
