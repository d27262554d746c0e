"""``leitwarte report``: what the climate office pulls."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from analytics.reports.collect import collect
from analytics.reports.formats import FORMATS, write
from analytics.reports.period import Period
from leitwarte.commands.common import CONFIG, WRONG_CALL, ConfigOption, commands, fail
from leitwarte.commands.opening import opened_store, settings_file

app = commands("Reports for the climate office.")


@app.callback()
def reports() -> None:
    """Reports for the climate office."""


@app.command()
def co2(
    period: Annotated[str, typer.Option(help="2026, 2026-10 or 2026-10-05, local time.")],
    format_: Annotated[str, typer.Option("--format", help=f"One of {', '.join(FORMATS)}.")] = "csv",
    out: Annotated[Path | None, typer.Option(help="File to write; standard output if left out.")] = None,
    config: ConfigOption = CONFIG,
) -> None:
    """Energy and CO2 per building, carrier and month, with completeness and the factors used."""
    settings = settings_file(config).settings
    if format_ not in FORMATS:
        fail(f"no report format {format_!r}; there is {', '.join(FORMATS)}", WRONG_CALL)
    try:
        asked = Period.parse(period).until(settings.tomorrow())
    except ValueError as error:
        fail(error, WRONG_CALL)

    async def make() -> bytes:
        async with opened_store(settings) as store:
            report = await collect(store, settings.estate(), asked, settings.rules())
            return await asyncio.to_thread(write, report, format_, settings.language)

    content = asyncio.run(make())
    if out is None:
        sys.stdout.buffer.write(content)
        return
    try:
        out.write_bytes(content)
    except OSError as error:
        fail(f"{out}: {error.strerror}")
