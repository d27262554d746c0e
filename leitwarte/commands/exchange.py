"""``leitwarte exchange``: record meter exchanges, also while Leitwarte runs."""

import getpass
from datetime import datetime
from typing import Annotated

import typer

from analytics.exchange_book import Entry, ExchangeBook
from leitwarte.commands.common import (
    CONFIG,
    WRONG_CALL,
    ConfigOption,
    JsonOption,
    commands,
    fail,
    output,
    print_json,
)
from leitwarte.commands.opening import alert_book, settings_file
from metering import instant
from metering.estate import Exchange, Meter
from metering.localtime import LocalCalendar

app = commands()

_TIME = "such as 2026-05-04T10:30, local time unless it has an offset"


@app.command()
def exchange(
    meter: Annotated[str, typer.Argument(metavar="METER", help="Id of the meter.")],
    at: Annotated[str | None, typer.Option(help=f"When it was exchanged, {_TIME}.")] = None,
    end: Annotated[float | None, typer.Option(help="Last index of the old meter, in kWh or m³.")] = None,
    start: Annotated[float, typer.Option(help="First index of the new meter, in kWh or m³.")] = 0.0,
    serial: Annotated[str, typer.Option(help="Serial number of the new meter.")] = "",
    old_serial: Annotated[str, typer.Option(help="Serial number of the old meter.")] = "",
    withdraw: Annotated[str | None, typer.Option(metavar="TIME", help="Take back the exchange of that time.")] = None,
    who: Annotated[str, typer.Option("--as", help="Who does it.", show_default="the user's name")] = "",
    note: Annotated[str, typer.Option("-m", "--message", help="A comment.")] = "",
    config: ConfigOption = CONFIG,
    json: JsonOption = False,
) -> None:
    """Record the exchange of a meter (Zählerwechsel); without --at and --withdraw list what was recorded.

    What runs takes it up within a minute and redoes the intervals beside it. Recording one of the same time again puts
    it right. Exchanges in the settings file count as well.
    """
    settings = settings_file(config).settings
    meters = settings.estate().meters
    if meter not in meters:
        fail(f"there is no meter {meter!r}; known: {', '.join(meters) or 'none'}", WRONG_CALL)
    if at is not None and withdraw is not None:
        fail("give --at or --withdraw, not both", WRONG_CALL)
    if at is not None and (end is None or not serial):
        fail("an exchange needs --end, the last index of the old meter, and --serial of the new one", WRONG_CALL)
    calendar, now_us, who = settings.calendar, settings.clock.clock().now_us(), who or getpass.getuser()
    with alert_book(settings) as alerts:
        book = ExchangeBook(alerts.database)
        try:
            if at is not None:
                assert end is not None
                noted = Exchange(_instant(at, calendar), end, start, serial, old_serial)
                entries = [book.record(meters[meter], noted, who, now_us, note)]
            elif withdraw is not None:
                entries = [book.withdraw(meter, _instant(withdraw, calendar), who, now_us, note)]
            else:
                entries = list(book.journal(meter))
        except (ValueError, LookupError) as error:
            fail(error.args[0], WRONG_CALL)
    for entry in entries:
        if json:
            print_json(_facts(entry))
        else:
            output.print(_told(entry, meters[meter], calendar), markup=False)
    if not entries and not json:
        output.print("no exchanges recorded")


def _instant(text: str, calendar: LocalCalendar) -> int:
    """Raises ValueError, saying how times are written."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no time; write one {_TIME}") from None
    return instant.from_datetime(moment if moment.tzinfo else moment.replace(tzinfo=calendar.zone))


def _told(entry: Entry, meter: Meter, calendar: LocalCalendar) -> str:
    one, unit = entry.exchange, meter.carrier.unit
    at, entered = (calendar.local(us).strftime("%Y-%m-%d %H:%M") for us in (one.time_us, entry.entered_us))
    old = f"old meter {one.old_serial}".strip()
    state = "withdrawn" if entry.withdrawn else "recorded"
    note = f": {entry.note}" if entry.note else ""
    return (
        f"{at}  {old} to {one.end:.10g} {unit}, new meter {one.serial} from {one.start:.10g} {unit}; "
        f"{state} {entered} by {entry.who}{note}"
    )


def _facts(entry: Entry) -> dict[str, object]:
    one = entry.exchange
    return {
        "meter": entry.meter,
        "time": instant.isoformat(one.time_us),
        "end": one.end,
        "start": one.start,
        "serial": one.serial,
        "old_serial": one.old_serial,
        "by": entry.who,
        "entered": instant.isoformat(entry.entered_us),
        "note": entry.note,
        "withdrawn": entry.withdrawn,
    }
