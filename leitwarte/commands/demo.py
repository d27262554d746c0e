"""``leitwarte demo``: the simulated town, live."""

import asyncio
import logging
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from leitwarte import logs
from leitwarte.commands.common import JsonOption, commands, errors, fail, output, print_json
from leitwarte.demo import Demo, Summary
from leitwarte.durations import seconds
from leitwarte.progress import progress_bars
from metering.texts import Language

app = commands()


@app.command()
def demo(
    for_: Annotated[
        float | None,
        typer.Option("--for", parser=seconds, metavar="TIME", help="End by itself, such as 120s or 5min."),
    ] = None,
    port: Annotated[int, typer.Option(help="TCP port of the web app; 0 takes a free one.", min=0, max=65535)] = 8080,
    language: Annotated[Language, typer.Option(help="Language of all people see.")] = "de",
    folder: Annotated[Path, typer.Option(help="Where the demo keeps its data; a second start goes on there.")] = Path(
        ".leitwarte/demo"
    ),
    json: JsonOption = False,
) -> None:
    """Simulate a town, read it over real Modbus and MQTT, and show it at http://localhost:8080. Ctrl-C ends it.

    The first start makes 60 days of history. While it runs, some devices fail: watch the alerts.
    """
    logs.configure(level=logging.WARNING)
    try:
        with ExitStack() as bars:
            show = bars.enter_context(progress_bars(quiet=json))

            def ready(address: str) -> None:
                bars.close()  # they would be drawn over what is said now
                errors.print(f"\nLeitwarte: [bold]{address}[/bold]   (Ctrl-C ends it)")

            summary = asyncio.run(Demo(folder, port, language).run(for_, show, ready))
    except (OSError, ValueError) as error:
        fail(error)
    if json:
        print_json(asdict(summary))
    else:
        _tell(summary)


def _tell(summary: Summary) -> None:
    output.print(
        f"readings: {summary.received} received, {summary.stored} stored, {summary.rejected} rejected, "
        f"{summary.queued} queued\n"
        f"devices online: {summary.devices_online} of {summary.devices}\n"
        f"alerts opened: {summary.alerts_opened}\n"
        f"emissions of the last whole day: {summary.kg_co2e_last_day:.0f} kg CO2e",
    )
