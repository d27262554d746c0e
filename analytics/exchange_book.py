"""Meter exchanges (Zählerwechsel) that people record while Leitwarte runs: a journal beside those of the settings.

It stands in the database of the alert book, where all processes meet. Nothing in it is changed or deleted: of several
entries for the same meter and time the newest counts. Every method is one transaction, may be called from any thread
and may take a moment of disk: from a coroutine call it with ``asyncio.to_thread``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select

from analytics.alerts.database import Database
from analytics.alerts.tables import ExchangeRow
from metering import instant
from metering.estate import Counter, Exchange, Meter


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal: what was said of an exchange, by whom and when; ``withdrawn``: that it never was."""

    meter: str
    exchange: Exchange
    who: str
    entered_us: int
    note: str = ""
    withdrawn: bool = False


class ExchangeBook:
    """The recorded exchanges in a database, that of an alert book: ``ExchangeBook(alerts.database)``.

    Analytics looks into it every cycle, and redoes what an exchange changes.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, meter: Meter, exchange: Exchange, who: str, now_us: int, note: str = "") -> Entry:
        """Note an exchange; one of the same meter and time is put right by it.

        Raises ValueError, saying why, for a meter without register, a time to come, indices that no register shows, or
        no serial number.
        """
        if meter.is_imported:
            raise ValueError(f"meter {meter.id!r} is known by imported files alone and has no register to exchange")
        if meter.formula is not None:
            raise ValueError(f"meter {meter.id!r} is computed from others and cannot be exchanged; name one of those")
        if exchange.time_us > now_us:
            raise ValueError(
                f"{instant.isoformat(exchange.time_us)} is still to come; record the exchange when it is done"
            )
        for what, index in (("last index of the old meter", exchange.end), ("first index of the new", exchange.start)):
            if not 0 <= index < (meter.counter.rollover or float("inf")):
                raise ValueError(f"the {what} cannot be {index:g} {meter.carrier.unit}; it is what the register showed")
        if not exchange.serial.strip():
            raise ValueError("the serial number of the new meter is missing")
        return self._append(Entry(meter.id, exchange, who, now_us, note))

    def withdraw(self, meter: str, time_us: int, who: str, now_us: int, note: str = "") -> Entry:
        """The exchange never was. Raises LookupError if none is recorded for this meter and time."""
        standing = next((entry for entry in self.standing(meter) if entry.exchange.time_us == time_us), None)
        if standing is None:
            raise LookupError(f"no exchange of meter {meter!r} is recorded at {instant.isoformat(time_us)}")
        return self._append(replace(standing, who=who, entered_us=now_us, note=note, withdrawn=True))

    def journal(self, meter: str | None = None) -> Sequence[Entry]:
        """All that was ever entered, of one meter or all, in the order in which it was."""
        wanted = select(ExchangeRow).order_by(ExchangeRow.id)
        if meter is not None:
            wanted = wanted.where(ExchangeRow.meter == meter)
        with self._database.session() as session:
            return [_entry(row) for row in session.scalars(wanted)]

    def standing(self, meter: str | None = None) -> Sequence[Entry]:
        """The entries that count, of one meter or all, by meter and time."""
        newest = {(entry.meter, entry.exchange.time_us): entry for entry in self.journal(meter)}
        return [entry for _, entry in sorted(newest.items()) if not entry.withdrawn]

    def exchanges(self) -> Mapping[str, tuple[Exchange, ...]]:
        """The exchanges that count, by meter, each meter's in ascending time."""
        found: dict[str, tuple[Exchange, ...]] = {}
        for entry in self.standing():
            found[entry.meter] = (*found.get(entry.meter, ()), entry.exchange)
        return found

    def _append(self, entry: Entry) -> Entry:
        exchange = entry.exchange
        with self._database.session() as session:
            session.add(
                ExchangeRow(
                    entry.meter,
                    exchange.time_us,
                    exchange.end,
                    exchange.start,
                    exchange.serial,
                    exchange.old_serial,
                    entry.who,
                    entry.entered_us,
                    entry.note,
                    entry.withdrawn,
                )
            )
        return entry


def with_recorded(counter: Counter, recorded: Sequence[Exchange]) -> Counter:
    """The counter with the recorded exchanges beside its own; of two at the same time the recorded one counts."""
    if not recorded:
        return counter
    both = {exchange.time_us: exchange for exchange in (*counter.exchanges, *recorded)}
    return replace(counter, exchanges=tuple(both[time_us] for time_us in sorted(both)))


def _entry(row: ExchangeRow) -> Entry:
    exchange = Exchange(row.time_us, row.end_index, row.start_index, row.serial, row.old_serial)
    return Entry(row.meter, exchange, row.who, row.entered_us, row.note, row.withdrawn)
