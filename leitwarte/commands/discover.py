"""``leitwarte discover``: what is there, as a settings fragment ready to be pasted."""

import asyncio
import json as json_
import logging
import re
import shlex
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from collectors.modbus.bus import Unreachable
from collectors.modbus.discovery import USUAL_UNITS, Discovery, FoundUnit
from collectors.modbus.settings import ModbusConnection
from leitwarte import fragment, logs, modbus_fragment
from leitwarte.commands.bus_options import (
    BaudrateOption,
    CaOption,
    CertificateOption,
    KeyOption,
    Parity,
    ParityOption,
    RtuOption,
    SerialOption,
    StopBitsOption,
    TargetArgument,
    TimeoutOption,
    Way,
    explained,
)
from leitwarte.commands.common import WRONG_CALL, JsonOption, commands, errors, fail, print_json
from leitwarte.progress import progress_bars
from metering.clock import Clock

OutputOption = Annotated[Path | None, typer.Option("-o", "--output", help="Write the fragment to this file.")]
IdOption = Annotated[str | None, typer.Option("--id", help="Id of the connection; made from the address if left out.")]

_ADVICE = (
    "Ids are part of every stored series: choose yours before the first start. Compare a counter of each device with "
    "its display."
)

app = commands("Find devices and print settings that read them.")


@app.callback()
def family() -> None:
    """Find devices and print settings that read them. Nothing is written to any device."""


@app.command()
def modbus(
    target: TargetArgument = None,
    units: Annotated[
        str | None, typer.Option(help="Unit ids, such as 1-20,71. Left out: 1-20 and those that makers preset.")
    ] = None,
    id_: IdOption = None,
    json: JsonOption = False,
    output: OutputOption = None,
    serial: SerialOption = None,
    baudrate: BaudrateOption = 9600,
    parity: ParityOption = Parity.NONE,
    stop_bits: StopBitsOption = 1,
    rtu_over_tcp: RtuOption = False,
    tls_certificate: CertificateOption = None,
    tls_key: KeyOption = None,
    tls_ca: CaOption = None,
    timeout: TimeoutOption = 1.0,
) -> None:
    """Find the units on a Modbus bus and what they are. Only reads (functions 3, 4 and 43/14); nothing is written.

    A unit exists if it answers, be it with an exception. What it is, it says itself (device identification, SunSpec),
    or its registers show it. Where several types fit, the likeliest is proposed and the others stand beside it.
    """
    logs.configure(level=logging.ERROR)
    way = Way(target, serial, baudrate, parity, stop_bits, rtu_over_tcp, tls_certificate, tls_key, tls_ca, timeout)
    try:
        connection = way.connection(id_)
        wanted = [unit for unit in _units(units) if unit in connection.units]
        found = asyncio.run(_scan(connection, wanted))
    except ValueError as error:
        fail(error, WRONG_CALL)
    except Unreachable as error:
        fail(explained(error))
    if not found:
        fail(
            f"{connection.address} can be reached, but no unit of {units or 'the usual ones'} answers\n"
            "→ try --units 1-247 and --timeout 3; on a serial bus check baud rate, parity and A/B, and that nobody "
            "else asks"
        )
    sections = modbus_fragment.sections(way.settings(id_), found, way.arguments())
    if json:
        machine = {"settings": fragment.document(sections), "units": [modbus_fragment.facts(unit) for unit in found]}
        _write_json(machine, output)
        return
    known = sum(bool(unit.devices) for unit in found)
    said = f"Found by: leitwarte discover modbus {way.arguments()}: {len(found)} units answer, {known} are recognised."
    _write(fragment.rendered(sections, (said, _ADVICE)), output)


async def _scan(connection: ModbusConnection, units: Sequence[int]) -> list[FoundUnit]:
    with progress_bars(quiet=not errors.is_terminal) as show:
        scan = Discovery(connection, Clock()).run(units, partial(show, f"asking {len(units)} units"))
        return [unit async for unit in scan]


def _units(text: str | None) -> Sequence[int]:
    """``1-20,71`` → the unit ids. Raises ValueError."""
    if text is None:
        return USUAL_UNITS
    found: dict[int, None] = {}
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,3})(?:-(\d{1,3}))?\s*", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if first > last or last > 255:
            raise ValueError(f"--units {text!r}: {part!r} is no unit id or range; write 1-20,71 (0 to 255)")
        found |= dict.fromkeys(range(first, last + 1))
    return tuple(found)


def _write(text: str, file: Path | None) -> None:
    if file is None:
        typer.echo(text, nl=False)
        return
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        fail(f"{file}: {error.strerror}")
    errors.print(f"written: {file}; look through it, then: leitwarte check -c {shlex.quote(str(file))}", markup=False)


def _write_json(value: Mapping[str, object], file: Path | None) -> None:
    if file is None:
        print_json(value)
    else:
        _write(json_.dumps(value, ensure_ascii=False, indent=1) + "\n", file)
