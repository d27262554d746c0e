"""Meter exchanges as pages and REST API note them: first what an entry would make of the day, then the entry."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

import numpy as np
from sqlalchemy.exc import SQLAlchemyError

from analytics.energy.consumption import consumption
from analytics.energy.course import LOOK_AROUND_US
from analytics.exchange_book import Entry, ExchangeBook, with_recorded
from dashboards.web.access.accounts import Accounts
from dashboards.web.access.accounts import Entry as LogEntry
from metering.clock import Clock
from metering.estate import Counter, Exchange, Meter
from metering.instant import QUARTER_HOUR, Window
from metering.localtime import LocalCalendar
from metering.samples import Samples
from storage.protocol import Store, StoreUnavailable

_P = ParamSpec("_P")
_T = TypeVar("_T")

LONGEST_SERIAL, LONGEST_NOTE = 60, 500
"""Characters of what a visitor may write."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What an exchange would make of its local day, or of what has passed of it.

    before, after  the last register reading before it and the first from it on: time in µs and value; None without
    was, becomes   consumption of the day without and with it, in billing units; None if nothing of it is known
    """

    day: Window
    before: tuple[int, float] | None
    after: tuple[int, float] | None
    was: float | None
    becomes: float | None


class Exchanges:
    """Every method raises StoreUnavailable while store or book do not answer."""

    def __init__(self, book: ExchangeBook, store: Store, clock: Clock, calendar: LocalCalendar) -> None:
        self._book = book
        self._store = store
        self._clock = clock
        self._calendar = calendar

    async def preview(self, meter: Meter, exchange: Exchange) -> Preview:
        """Nothing is noted."""
        now_us = self._clock.now_us()
        day = self._calendar.day(self._calendar.date_of(exchange.time_us))
        day = Window(day.start_us, max(day.start_us, min(day.end_us, now_us // QUARTER_HOUR * QUARTER_HOUR)))
        around = Window(day.start_us - LOOK_AROUND_US, day.end_us + LOOK_AROUND_US)
        registers = (await self._store.samples([meter.series], around))[meter.series]
        recorded = [entry.exchange for entry in await self.standing(meter.id)]
        present = with_recorded(meter.counter, recorded)
        split = int(np.searchsorted(registers.times_us, exchange.time_us))
        return Preview(
            day,
            _reading(registers, split - 1),
            _reading(registers, split),
            _sum(registers, day, present),
            _sum(registers, day, with_recorded(present, [exchange])),
        )

    async def standing(self, meter: str) -> Sequence[Entry]:
        """The recorded exchanges of the meter that count, by time."""
        return await _ask(self._book.standing, meter)

    async def all_of(self, meter: Meter) -> Sequence[Exchange]:
        """Those of the settings too, by time."""
        return with_recorded(meter.counter, [entry.exchange for entry in await self.standing(meter.id)]).exchanges

    async def record(self, meter: Meter, exchange: Exchange, who: str, note: str) -> Entry:
        """Analytics takes it up within a minute. Raises ValueError, saying why, for what cannot have been."""
        return await _ask(self._book.record, meter, exchange, who, self._clock.now_us(), note)

    async def withdraw(self, meter: str, time_us: int, who: str) -> Entry:
        """It never was. Raises LookupError if none is recorded for this meter and time."""
        return await _ask(self._book.withdraw, meter, time_us, who, self._clock.now_us())


async def note(accounts: Accounts | None, action: str, entry: Entry, address: str) -> None:
    """Keep in the log who did what; without sign-in there is none."""
    if accounts is not None:
        one = entry.exchange
        detail = f"{one.serial} {one.end:.10g} → {one.start:.10g}"
        line = LogEntry(entry.entered_us, entry.who, action, entry.meter, detail, address)
        await asyncio.to_thread(accounts.note, line)


def _sum(registers: Samples, day: Window, counter: Counter) -> float | None:
    if not day.duration_us:
        return None
    found = consumption(registers, day, QUARTER_HOUR, counter=counter, substitute=True).consumption
    return float(np.nansum(found)) if np.isfinite(found).any() else None


def _reading(registers: Samples, number: int) -> tuple[int, float] | None:
    if not 0 <= number < len(registers):
        return None
    return int(registers.times_us[number]), float(registers.values[number])


async def _ask(how: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    try:
        return await asyncio.to_thread(how, *args, **kwargs)
    except SQLAlchemyError as error:
        raise StoreUnavailable(f"the book of exchanges does not answer: {type(error).__name__}") from error
