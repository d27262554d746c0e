"""``leitwarte report``: what the climate office pulls."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from analytics.carbon.view import View
from analytics.reports.building import sheet
from analytics.reports.building.made import UPSTREAM, energy_report
from analytics.reports.by_hour import with_hours
from analytics.reports.collect import collect
from analytics.reports.formats import FORMATS, write
from analytics.reports.frozen import freeze
from analytics.reports.period import Period
from analytics.reports.report import Report
from analytics.reports.rules import Rules
from leitwarte.commands.common import CONFIG, WRONG_CALL, ConfigOption, commands, errors, fail
from leitwarte.commands.opening import opened_store, settings_file
from metering.estate import Estate
from metering.texts import Language
from storage.protocol import Store

_BINARY = ("pdf", "xlsx")
_PUBLISHED = ("pdf", "html")  # these print what they were made of

app = commands("Reports for the climate office.")


@app.callback()
def reports() -> None:
    """Reports for the climate office."""


@app.command()
def co2(
    period: Annotated[str, typer.Option(help="2026, 2026-10, 2026-10-05 or 2026-01-01..2026-03-15, local time.")],
    place: Annotated[str, typer.Option("--scope", help="city, site:…, building:… or sector:…")] = "city",
    rules: Annotated[
        str | None, typer.Option(help="What to balance by (carbon views); live factors if left out.")
    ] = None,
    format_: Annotated[str, typer.Option("--format", help=f"One of {', '.join(FORMATS)}.")] = "csv",
    lang: Annotated[Language | None, typer.Option(help="de or en; that of the settings if left out.")] = None,
    out: Annotated[Path | None, typer.Option(help="File to write; standard output if left out.")] = None,
    config: ConfigOption = CONFIG,
) -> None:
    """Energy and CO2 with completeness and the factors used; the PDF is for the council, the XLSX to check the sums."""
    settings = settings_file(config).settings
    _check_format(format_, FORMATS, out)
    try:
        own, asked = settings.rules(), Period.parse(period).until(settings.tomorrow())
        view = own.view(rules)
    except (ValueError, LookupError) as error:
        fail(error.args[0], WRONG_CALL)

    async def make() -> bytes:
        make_ = freeze if format_ in _PUBLISHED else _unfrozen
        async with opened_store(settings) as store:
            report = await make_(store, settings.estate(), asked, own, view, place)
            return await asyncio.to_thread(write, report, format_, lang or settings.language)

    try:
        with errors.status(f"{view.name}, {place}, {asked}"):
            content = asyncio.run(make())
    except (LookupError, ValueError, OSError) as error:  # a mix of generation may be none
        fail(error.args[0] if isinstance(error, LookupError) else error, WRONG_CALL)
    _put(content, out)


@app.command()
def energy(
    period: Annotated[str, typer.Option(help="2026-10, or 2026 for a year, local time.")],
    building: Annotated[str, typer.Option(help="Id of the building.")],
    rules: Annotated[str, typer.Option(help="What CO2e with upstream is by: a view without scopes.")] = UPSTREAM,
    format_: Annotated[str, typer.Option("--format", help=f"One of {', '.join(sheet.FORMATS)}.")] = "csv",
    lang: Annotated[Language | None, typer.Option(help="de or en; that of the settings if left out.")] = None,
    out: Annotated[Path | None, typer.Option(help="File to write; standard output if left out.")] = None,
    config: ConfigOption = CONFIG,
) -> None:
    """A building's energy, cost and CO2 by carrier, with how each came about, and the change from a year before."""
    settings = settings_file(config).settings
    _check_format(format_, sheet.FORMATS, out)
    try:
        own, asked = settings.rules(), Period.parse(period).until(settings.tomorrow())
        upstream = own.view(rules)
    except (ValueError, LookupError) as error:
        fail(error.args[0], WRONG_CALL)

    async def make() -> bytes:
        async with opened_store(settings) as store:
            rows = await energy_report(store, settings.estate(), building, asked, own, upstream)
        return await asyncio.to_thread(sheet.write, rows, upstream, format_, lang or settings.language)

    try:
        with errors.status(f"{building}, {asked}"):
            content = asyncio.run(make())
    except (LookupError, ValueError) as error:
        fail(error.args[0], WRONG_CALL)
    _put(content, out)


async def _unfrozen(store: Store, estate: Estate, period: Period, rules: Rules, view: View, place: str) -> Report:
    """Without a manifest, which takes a look at every value."""
    report = await collect(store, estate, period, rules, view, place, compare=True)
    return await with_hours(store, estate, report, rules)


def _check_format(format_: str, known: Sequence[str], out: Path | None) -> None:
    if format_ not in known:
        fail(f"no report format {format_!r}; there is {', '.join(known)}", WRONG_CALL)
    if out is None and format_ in _BINARY and sys.stdout.isatty():
        fail(f"{format_} is not for a terminal; name a file with --out", WRONG_CALL)


def _put(content: bytes, out: Path | None) -> None:
    if out is None:
        sys.stdout.buffer.write(content)
        return
    try:
        out.write_bytes(content)
    except OSError as error:
        fail(f"{out}: {error.strerror}")
