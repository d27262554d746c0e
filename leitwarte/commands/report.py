"""``leitwarte report``: what the climate office pulls."""

import asyncio
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from analytics.reports.collect import collect
from analytics.reports.formats import FORMATS, write
from analytics.reports.frozen import freeze
from analytics.reports.period import Period
from leitwarte.commands.common import CONFIG, WRONG_CALL, ConfigOption, commands, errors, fail
from leitwarte.commands.opening import opened_store, settings_file
from metering.texts import Language

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
    if format_ not in FORMATS:
        fail(f"no report format {format_!r}; there is {', '.join(FORMATS)}", WRONG_CALL)
    if out is None and format_ in _BINARY and sys.stdout.isatty():
        fail(f"{format_} is not for a terminal; name a file with --out", WRONG_CALL)
    try:
        asked = Period.parse(period).until(settings.tomorrow())
        view = settings.rules().view(rules)
    except (ValueError, LookupError) as error:
        fail(error.args[0], WRONG_CALL)

    async def make() -> bytes:
        make_ = freeze if format_ in _PUBLISHED else partial(collect, compare=True)
        async with opened_store(settings) as store:
            report = await make_(store, settings.estate(), asked, settings.rules(), view, place)
            return await asyncio.to_thread(write, report, format_, lang or settings.language)

    try:
        with errors.status(f"{view.name}, {place}, {asked}"):
            content = asyncio.run(make())
    except LookupError as error:
        fail(error.args[0], WRONG_CALL)
    if out is None:
        sys.stdout.buffer.write(content)
        return
    try:
        out.write_bytes(content)
    except OSError as error:
        fail(f"{out}: {error.strerror}")
