"""``leitwarte import``: load profiles of utilities, and what `leitwarte store export` wrote."""

import asyncio
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Annotated, Literal

import typer

from collectors.files import profile as files
from collectors.files.profile import Asked, FileRefused, Profile, Skipped
from leitwarte import control, imports
from leitwarte.commands.common import (
    CONFIG,
    WRONG_CALL,
    ConfigOption,
    JsonOption,
    commands,
    errors,
    fail,
    output,
    print_json,
)
from leitwarte.commands.opening import opened_store, settings_file
from leitwarte.progress import progress_bars
from leitwarte.settings import Settings
from metering import instant
from metering.estate import Meter
from metering.quality import Quality
from metering.quantities import QUANTITIES, Kind
from metering.reading import Reading
from storage import exchange
from storage.protocol import StoreError
from storage.settings import EmbeddedSettings

app = commands()

_SHOWN = 5
_PATIENCE_S = 3600.0  # that a running process has to write all


@app.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV load profile, or CSV, Parquet or line protocol as exported.")],
    meter: Annotated[str | None, typer.Option(help="Id of the meter the load profile is of.")] = None,
    quantity: Annotated[str, typer.Option(help="consumption, or a quantity of the meter's device.")] = "consumption",
    layout: Annotated[str | None, typer.Option(help="Layout of the file; recognised if left out.")] = None,
    unit: Annotated[str | None, typer.Option(help="Unit, if the file does not say it: kWh, kW, m³ …")] = None,
    stamp: Annotated[Literal["begin", "end"] | None, typer.Option(help="What a time in the file is.")] = None,
    decimal: Annotated[Literal["comma", "point"] | None, typer.Option(help="How fractions are written.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be read.")] = False,
    config: ConfigOption = CONFIG,
    json: JsonOption = False,
) -> None:
    """Read a file into the store. Lines that cannot be read are named and stop nothing; twice is the same as once."""
    settings = settings_file(config).settings
    try:
        exported = exchange.format_of(file)
        if exported is not None:
            readings, told, skipped, total = *_exported(file, exported), None
        else:
            known = _meter(settings, meter)
            asked = Asked(layout, unit, stamp, decimal)
            readings, told, skipped, total = _profile(file, settings, known, quantity, asked)
    except OSError as error:
        fail(f"{file}: {error.strerror}", WRONG_CALL)
    except (FileRefused, exchange.Problem) as error:
        fail(f"{file}: {error}")
    if not json:
        for line in told:
            output.print(line, markup=False)
        _preview(readings)
    stored = None if dry_run else _store(settings, readings, quiet=json)
    for problem in skipped:
        errors.print(f"{file}:{problem.line}: {problem.reason}", markup=False, style="yellow")
    _report(readings, skipped, total, stored, json=json)


def _meter(settings: Settings, id_: str | None) -> Meter:
    known = settings.estate().meters
    if id_ is None or id_ not in known:
        what = "say which meter it is of" if id_ is None else f"there is no meter {id_!r}"
        fail(f"{what}: --meter {', '.join(known) or '(the settings have none)'}", WRONG_CALL)
    return known[id_]


def _exported(file: Path, format_: str) -> tuple[list[Reading], list[str], list[Skipped]]:
    skipped: list[Skipped] = []
    parts: list[list[Reading]] = []
    for line, found in exchange.readings(file, format_):
        if isinstance(found, exchange.Problem):
            skipped.append(Skipped(line, str(found)))
        else:
            parts.append(found)
    return list(chain.from_iterable(parts)), [f"layout: readings as Leitwarte exports them, {format_}"], skipped


def _profile(
    file: Path, settings: Settings, meter: Meter, quantity: str, asked: Asked
) -> tuple[list[Reading], list[str], list[Skipped], Decimal]:
    wanted = QUANTITIES.get(quantity)
    if wanted is None:
        fail(f"there is no quantity {quantity!r}", WRONG_CALL)
    found = files.read(file.read_bytes(), settings.calendar.zone, asked)
    canonical = meter.carrier.unit if wanted.kind is Kind.INTERVAL else wanted.unit
    if found.unit != canonical:
        fail(f"{file} is in {found.unit}, but {quantity} of meter {meter.id} is in {canonical}: wrong meter, or --unit")
    if wanted.kind is Kind.INTERVAL:
        found = files.in_quarter_hours(found)
        made = list(_intervals(meter, quantity, found))
    else:
        made = [Reading(meter.device, quantity, float(v.amount), v.time_us, v.quality, v.reason) for v in found.values]
    return made, found.recognised, found.skipped, found.total


def _intervals(meter: Meter, quantity: str, profile: Profile) -> Iterator[Reading]:
    """Results as analytics stores them; what the utility gave is complete, whatever its quality."""
    for value in profile.values:
        yield Reading(meter.id, quantity, float(value.amount), value.time_us, value.quality, value.reason)
        if quantity == "consumption":
            yield Reading(meter.id, "completeness", 1.0, value.time_us)


def _preview(readings: Sequence[Reading]) -> None:
    for reading in readings[:_SHOWN]:
        quality = "" if reading.quality is Quality.MEASURED else f"  {reading.quality.name.lower()}"
        time = instant.isoformat(reading.time_us)
        output.print(f"  {time}  {reading.device} {reading.quantity} {reading.value!r}{quality}", markup=False)
    if len(readings) > _SHOWN:
        output.print(f"  … and {len(readings) - _SHOWN} more", markup=False)


def _store(settings: Settings, readings: Sequence[Reading], *, quiet: bool) -> Decimal:
    """Write, and read back; an embedded store that is in use through the process that uses it."""
    if isinstance(settings.store, EmbeddedSettings):
        for path, _ in control.running(settings.control):
            try:
                answer = control.ask(path, "import", readings, _PATIENCE_S)
            except OSError as error:
                fail(f"{error}\nimport again: what is written already counts once")
            if "error" in answer:
                fail(f"store of the running Leitwarte: {answer['error']}")
            return Decimal(str(answer["sum"]))
    return asyncio.run(_store_directly(settings, readings, quiet=quiet))


async def _store_directly(settings: Settings, readings: Sequence[Reading], *, quiet: bool) -> Decimal:
    async with opened_store(settings) as store:
        try:
            with progress_bars(quiet=quiet) as show:
                return await imports.write(store, readings, lambda share: show("import", share))
        except StoreError as error:
            fail(f"store: {error}")


def _report(
    readings: Sequence[Reading],
    skipped: Sequence[Skipped],
    total: Decimal | None,
    stored: Decimal | None,
    *,
    json: bool,
) -> None:
    sums = total if total is not None else _sum(readings)
    facts: dict[str, object] = {
        "readings": len(readings),
        "skipped": len(skipped),
        "from": instant.isoformat(min(r.time_us for r in readings)) if readings else None,
        "to": instant.isoformat(max(r.time_us for r in readings)) if readings else None,
        "sum_of_the_file": format(sums.normalize(), "f"),
        "sum_in_the_store": None if stored is None else format(stored.normalize(), "f"),
    }
    if json:
        print_json({**facts, "problems": [problem._asdict() for problem in skipped]})
    else:
        for key, value in facts.items():
            output.print(f"{key.replace('_', ' '):18} {'(not written)' if value is None else value}", markup=False)
    if stored is not None and abs(stored - sums) > Decimal("1e-6"):
        fail("the store does not hold the sum of the file")


def _sum(readings: Sequence[Reading]) -> Decimal:
    last = {(r.series, r.time_us): r.value for r in readings if r.quantity != "completeness"}
    return sum((Decimal(repr(value)) for value in last.values()), Decimal(0))
