"""``leitwarte store``: what the store holds."""

import asyncio
from typing import Annotated

import typer
from rich.table import Table

from leitwarte.commands.common import CONFIG, ConfigOption, JsonOption, commands, output, print_json
from leitwarte.commands.opening import opened_store, settings_file
from metering import instant
from metering.clock import Clock
from metering.instant import DAY, Window

app = commands("Look into the store.")


@app.command()
def info(config: ConfigOption = CONFIG, json: JsonOption = False) -> None:
    """How many series and readings there are, and how old the newest is."""
    settings = settings_file(config).settings

    async def look() -> None:
        now_us = Clock().now_us()
        async with opened_store(settings) as store:
            series = await store.series()
            latest = await store.latest()
            count = await store.count(Window(0, now_us + DAY))
        newest = max((reading.time_us for reading in latest), default=None)
        facts: dict[str, object] = {
            "store": settings.store.kind,
            "series": len(series),
            "devices_and_meters": len({device for device, _ in series}),
            "readings": count,
            "newest": instant.isoformat(newest) if newest is not None else None,
        }
        if json:
            print_json(facts)
        else:
            for key, value in facts.items():
                output.print(f"{key.replace('_', ' '):20} {value}", markup=False)

    asyncio.run(look())


@app.command()
def latest(
    device: Annotated[list[str] | None, typer.Argument(help="Devices or meters; all if left out.")] = None,
    config: ConfigOption = CONFIG,
    json: JsonOption = False,
) -> None:
    """The newest reading of every series."""
    settings = settings_file(config).settings

    async def look() -> None:
        async with opened_store(settings) as store:
            readings = await store.latest(device or None)
        table = Table("device", "quantity", "value", "time", "quality")
        for reading in readings:
            time, quality = instant.isoformat(reading.time_us), reading.quality.name.lower()
            if json:
                values = {"device": reading.device, "quantity": reading.quantity, "value": reading.value}
                print_json({**values, "time": time, "quality": quality, "reason": reading.reason})
            else:
                table.add_row(reading.device, reading.quantity, repr(reading.value), time, quality)
        if not json:
            output.print(table)

    asyncio.run(look())
