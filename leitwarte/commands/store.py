"""``leitwarte store``: what the store holds, and moving it elsewhere."""

import asyncio
import hashlib
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

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
from leitwarte.commands.opening import opened_store, settings_file
from leitwarte.progress import progress_bars
from metering import instant
from metering.clock import Clock
from metering.instant import DAY, Window
from storage import exchange
from storage.condensed import Level
from storage.factory import open_store
from storage.migrate import Bookmark, Comparison, migrate
from storage.protocol import StoreError
from storage.settings import EmbeddedSettings, StoreSettings

app = commands("Look into the store, export it, move it, condense it, forget parts of it.")


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


@app.command()
def condense(config: ConfigOption = CONFIG, json: JsonOption = False) -> None:
    """Make quarter-hours and days of what is older than the settings keep (store: retention:)."""
    settings = settings_file(config).settings

    async def run() -> None:
        async with opened_store(settings) as store:
            with progress_bars(quiet=json) as show:
                done = await store.condense(settings.clock.clock().now_us(), show)
        facts: dict[str, object] = {"quarter_hours": done.quarter_hours, "days": done.days}
        if json:
            print_json(facts)
        else:
            output.print(f"{done.quarter_hours} quarter-hours and {done.days} days written")

    asyncio.run(run())


@app.command()
def export(
    out: Annotated[Path, typer.Argument(help="File to write.")],
    format_: Annotated[str, typer.Option("--format", help=f"One of {', '.join(exchange.FORMATS)}.")] = "parquet",
    since: Annotated[str | None, typer.Option("--from", help="ISO 8601 with offset; all if left out.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="ISO 8601 with offset, not included.")] = None,
    device: Annotated[list[str] | None, typer.Option(help="Device or meter; all if left out.")] = None,
    config: ConfigOption = CONFIG,
) -> None:
    """Write readings and interval results to a file that other programs, and `leitwarte import`, read."""
    settings = settings_file(config).settings
    if format_ not in exchange.FORMATS:
        fail(f"no format {format_!r}; there is {', '.join(exchange.FORMATS)}", WRONG_CALL)
    try:
        bounds = [None if text is None else instant.parse(text) for text in (since, until)]
    except ValueError as error:
        fail(error, WRONG_CALL)

    async def run() -> int:
        count = 0
        async with opened_store(settings) as store:
            wanted = [key for key in await store.series() if not device or key.device in device]
            begin, end = bounds
            if begin is None:
                begin = await store.database.oldest(wanted, None, Window(-_FAR_US, _FAR_US)) or 0
            newest = max((reading.time_us for reading in await store.latest()), default=begin)
            end = newest + 1 if end is None else end
            file = exchange.sink(out, format_)
            with progress_bars() as show:
                for start in range(begin, end, _EXPORTED_AT_ONCE_US):
                    window = Window(start, min(start + _EXPORTED_AT_ONCE_US, end))
                    for first in range(0, len(wanted), _SERIES_AT_ONCE):
                        readings = await store.readings(wanted[first : first + _SERIES_AT_ONCE], window)
                        await asyncio.to_thread(file.write, readings)
                        count += len(readings)
                    show("export", (window.end_us - begin) / (end - begin))
            file.close()
        return count

    try:
        output.print(f"{asyncio.run(run())} readings → {out}", markup=False)
    except OSError as error:
        fail(f"{out}: {error.strerror}")


@app.command()
def forget(
    device: Annotated[list[str], typer.Argument(help="Devices and meters, all of whose series are meant.")],
    before: Annotated[str | None, typer.Option(help="ISO 8601 with offset, not included; all if left out.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    config: ConfigOption = CONFIG,
) -> None:
    """Delete readings, quarter-hours and days of a metering point for good; of each series the newest reading stays.

    A metering point is a meter and the device it is read from: name both. Backups and exports are not touched.
    """
    settings = settings_file(config).settings
    try:
        until = _FAR_US if before is None else instant.parse(before)
    except ValueError as error:
        fail(error, WRONG_CALL)
    if not yes:
        typer.confirm(f"Delete all of {', '.join(device)}{f' before {before}' if before else ''}?", abort=True)

    async def run() -> int:
        async with opened_store(settings) as store:
            series = [key for key in await store.series() if key.device in device]
            unknown = set(device) - {key.device for key in series}
            if unknown:
                fail(
                    f"the store holds nothing of {', '.join(sorted(unknown))}; see `leitwarte store latest`", WRONG_CALL
                )
            for level in (None, *Level):
                await store.database.forget(series, level, Window(-_FAR_US, until))
        return len(series)

    output.print(f"{asyncio.run(run())} series forgotten, but for the newest reading of each", markup=False)


@app.command(name="migrate")
def migrate_(
    source: Annotated[str, typer.Option("--from", help="A settings file, or a .duckdb file.")],
    target: Annotated[str, typer.Option("--to", help="A settings file, or a .duckdb file.")],
    json: JsonOption = False,
) -> None:
    """Copy everything from one store to another, and compare. Called again after a break, it goes on where it was."""
    key = hashlib.sha256(f"{source}\n{target}".encode()).hexdigest()[:12]
    bookmark = Bookmark(Path(f".leitwarte-migrate-{key}.json"))

    async def run() -> list[Comparison]:
        stores = [open_store(_named(spec)) for spec in (source, target)]
        try:
            for store in stores:
                await store.start()
            with progress_bars(quiet=json) as show:
                return await migrate(stores[0].database, stores[1].database, bookmark, show)
        finally:
            for store in stores:
                await store.close()

    try:
        compared = asyncio.run(run())
    except StoreError as error:
        fail(f"store: {error}\ncall this again to go on")
    table = Table("what", "source", "target", "sum in source", "sum in target", "")
    for part in compared:
        columns = (part.source.count, part.target.count, part.source.total, part.target.total)
        if json:
            names = ("source", "target", "source_sum", "target_sum")
            print_json({"what": part.what, **dict(zip(names, columns, strict=True)), "equal": part.equal})
        else:
            table.add_row(part.what, *map(str, columns), "equal" if part.equal else "DIFFERENT")
    if not json:
        output.print(table)
    if not all(part.equal for part in compared):
        fail("the target differs from the source; was something written meanwhile?")


def _named(spec: str) -> StoreSettings:
    """The store that a path means."""
    path = Path(spec)
    if path.suffix in {".yaml", ".yml"}:
        return settings_file(path).settings.store_in_data_dir
    if path.suffix != ".duckdb":
        fail(f"{spec} is neither a settings file (.yaml) nor an embedded store (.duckdb)", WRONG_CALL)
    return EmbeddedSettings(path=path)


_FAR_US = 2**61
_EXPORTED_AT_ONCE_US = 7 * DAY
_SERIES_AT_ONCE = 500
