"""The REST API of meter exchanges, under /api/v1/meters/{meter}/exchanges."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from pydantic import AwareDatetime, Field

from analytics.exchange_book import Entry
from dashboards.web.access.doors import address_of
from dashboards.web.exchanges import LONGEST_NOTE, LONGEST_SERIAL, Exchanges, Preview, note
from dashboards.web.house import House, Seen
from metering.estate import Exchange, Meter
from metering.instant import from_datetime, isoformat
from metering.strict import Strict


class ExchangeIn(Strict):
    """As on the fitter's note; indices in kWh or m³, as the register shows them."""

    time: AwareDatetime
    end: float = Field(ge=0)
    """Last index of the old meter."""
    start: float = Field(default=0.0, ge=0)
    """First index of the new meter."""
    serial: str = Field(min_length=1, max_length=LONGEST_SERIAL)
    old_serial: str = Field(default="", max_length=LONGEST_SERIAL)
    note: str = Field(default="", max_length=LONGEST_NOTE)
    dry_run: bool = False
    """Only tell what would become of the day."""


class ExchangeOut(Strict):
    time: str
    end: float
    start: float
    serial: str
    old_serial: str
    who: str
    entered: str
    note: str


class DayOut(Strict):
    """Consumption of the local day in the carrier's unit, without and with the exchange; null if nothing is known."""

    start: str
    end: str
    was: float | None
    becomes: float | None


class RecordedOut(Strict):
    day: DayOut
    recorded: ExchangeOut | None


def router() -> APIRouter:
    routes = APIRouter(prefix="/v1/meters/{meter}/exchanges", tags=["exchanges"])

    @routes.get("")
    async def standing(house: Seen, meter: str) -> list[ExchangeOut]:
        """The recorded exchanges that count, by time; those of the settings file are not among them."""
        found, exchanges = _found(house, meter)
        return [_out(entry) for entry in await exchanges.standing(found.id)]

    @routes.post("")
    async def record(house: Seen, request: Request, meter: str, given: ExchangeIn) -> RecordedOut:
        """Record one; of the same time again puts it right. What runs takes it up within a minute."""
        found, exchanges = _found(house, meter)
        time_us = from_datetime(given.time)
        if time_us > house.clock.now_us():
            raise HTTPException(422, "the exchange is still to come; record it when it is done")
        exchange = Exchange(time_us, given.end, given.start, given.serial, given.old_serial)
        day = _day(await exchanges.preview(found, exchange))
        if given.dry_run:
            return RecordedOut(day=day, recorded=None)
        try:
            entry = await exchanges.record(found, exchange, house.visitor.name, given.note)
        except ValueError as error:
            raise HTTPException(422, str(error)) from None
        await note(house.accounts, "exchange recorded", entry, address_of(request))
        return RecordedOut(day=day, recorded=_out(entry))

    @routes.delete("")
    async def withdraw(
        house: Seen, request: Request, meter: str, time: Annotated[AwareDatetime, Query()]
    ) -> ExchangeOut:
        """Take the one of that time back."""
        found, exchanges = _found(house, meter)
        try:
            entry = await exchanges.withdraw(found.id, from_datetime(time), house.visitor.name)
        except LookupError as error:
            raise HTTPException(404, str(error.args[0])) from None
        await note(house.accounts, "exchange withdrawn", entry, address_of(request))
        return _out(entry)

    return routes


def _found(house: House, meter: str) -> tuple[Meter, Exchanges]:
    found = house.estate.meters.get(meter)
    if found is None or found.formula is not None or house.exchanges is None:
        raise HTTPException(404, f"there is no meter {meter!r} that can be exchanged; see /api/v1/meters")
    return found, house.exchanges


def _day(preview: Preview) -> DayOut:
    day = preview.day
    return DayOut(start=isoformat(day.start_us), end=isoformat(day.end_us), was=preview.was, becomes=preview.becomes)


def _out(entry: Entry) -> ExchangeOut:
    one = entry.exchange
    return ExchangeOut(
        time=isoformat(one.time_us),
        end=one.end,
        start=one.start,
        serial=one.serial,
        old_serial=one.old_serial,
        who=entry.who,
        entered=isoformat(entry.entered_us),
        note=entry.note,
    )
