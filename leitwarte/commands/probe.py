"""``leitwarte probe``: what unknown registers may mean."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text as Styled

from collectors.modbus.bus import Bus, BusError, Refused, Unreachable
from collectors.modbus.codec import DataType
from collectors.modbus.discovery import Span, patiently
from collectors.modbus.probe import ORDERS, Sighting, sightings, texts
from collectors.modbus.settings import ModbusConnection
from collectors.modbus.template import Limits
from collectors.modbus.transport import Transport
from leitwarte.commands import bus_options
from leitwarte.commands.common import WRONG_CALL, JsonOption, commands, errors, fail, output, print_json
from metering.clock import Clock

_FUNCTIONS = {"holding": 3, "input": 4}
_USUAL = ("ABCD", "CDAB", DataType.U16, DataType.I16, DataType.U32, DataType.I32, DataType.F32)
_WIDTH = 116

app = commands("Show what the registers of a device may mean.")


@app.callback()
def family() -> None:
    """Show what the registers of a device may mean."""


@app.command()
def modbus(
    target: bus_options.TargetArgument = None,
    unit: Annotated[int, typer.Option(min=0, max=255, help="Unit id.")] = 1,
    address: Annotated[int, typer.Option(min=0, max=65535, help="First register, 0-based as on the wire.")] = 0,
    count: Annotated[int, typer.Option(min=1, max=125, help="How many registers.")] = 20,
    is_input: Annotated[
        bool, typer.Option("--input/--holding", help="Read input registers (function 4), or holding registers (3).")
    ] = False,
    again: Annotated[
        float, typer.Option(min=0, help="Read again after so many seconds, to see what counts; 0: read once.")
    ] = 2.0,
    everything: Annotated[bool, typer.Option("--all", help="Show 64 bits, BCD and swapped bytes in any case.")] = False,
    json: JsonOption = False,
    serial: bus_options.SerialOption = None,
    baudrate: bus_options.BaudrateOption = 9600,
    parity: bus_options.ParityOption = bus_options.Parity.NONE,
    stop_bits: bus_options.StopBitsOption = 1,
    rtu_over_tcp: bus_options.RtuOption = False,
    tls_certificate: bus_options.CertificateOption = None,
    tls_key: bus_options.KeyOption = None,
    tls_ca: bus_options.CaOption = None,
    timeout: bus_options.TimeoutOption = 1.0,
) -> None:
    """Read registers and show them in every type and word order; what looks like a measurement is marked.

    ABCD is the custom, most significant word first; CDAB has the words the other way round; BADC and DCBA also the
    bytes within them. Marked are: 45 to 65 (Hz), 180 to 280 (V), 0.5 to 1 (power factor), for whole numbers also as
    tenths, hundredths, thousandths; what has risen a little from the first read to the second; and floats of an
    ordinary size. Where marks would share a word, the least likely to be chance has it.
    """
    bus_options.quiet()
    way = bus_options.Way(
        target, serial, baudrate, parity, stop_bits, rtu_over_tcp, tls_certificate, tls_key, tls_ca, timeout
    )
    if address + count > 0x10000:
        fail(f"--address {address} --count {count} goes beyond the last register, 65535", WRONG_CALL)
    span = Span(_FUNCTIONS["input" if is_input else "holding"], address, count)
    try:
        first, later = asyncio.run(_read(way.connection(), unit, span, again))
    except ValueError as error:
        fail(error, WRONG_CALL)
    except (Unreachable, Refused) as error:
        fail(bus_options.explained(error))
    except BusError as error:
        fail(
            f"unit {unit}: {error}\n→ check unit id and wiring, try --timeout 3; leitwarte discover modbus "
            f"{way.arguments()} shows who answers"
        )
    seen = sightings(address, first, later)
    if json:
        _print_json(address, first, later, seen)
    else:
        _print_table(address, first, seen, everything=everything)


async def _read(
    connection: ModbusConnection, unit: int, span: Span, again_s: float
) -> tuple[list[int], list[int] | None]:
    clock = Clock()
    bus = Bus(Transport(connection), connection.timeout_s, clock)
    try:
        first = await patiently(bus, clock, unit, span, Limits())
        if again_s == 0:
            return first, None
        await clock.sleep(again_s)
        return first, await patiently(bus, clock, unit, span, Limits())
    finally:
        bus.close()


def _print_json(address: int, first: Sequence[int], later: Sequence[int] | None, seen: Sequence[Sighting]) -> None:
    print_json(
        {
            "address": address,
            "words": list(first),
            "later": None if later is None else list(later),
            "values": [
                {
                    "address": sighting.address,
                    "type": sighting.type.value,
                    "order": sighting.order,
                    "value": sighting.value,
                    "looks_like": sighting.looks_like or None,
                }
                for sighting in seen
            ],
            "texts": [found._asdict() for found in texts(address, first)],
        }
    )


def _print_table(address: int, words: Sequence[int], seen: Sequence[Sighting], *, everything: bool) -> None:
    """A line for each address and order; what looks like something is told again at the end of its line."""
    marked = [sighting for sighting in seen if sighting.looks_like]
    kinds = [kind for kind in DataType if everything or kind in _USUAL or any(one.type is kind for one in marked)]
    orders = [order for order in ORDERS if everything or order in _USUAL or any(one.order == order for one in marked)]
    table = Table("address", "hex", "order", box=None, pad_edge=False, header_style="bold")
    for kind in kinds:
        table.add_column(kind.value, justify="right", no_wrap=True)
    table.add_column("looks like", style="green", no_wrap=True)
    found = {(sighting.address, sighting.order, sighting.type): sighting for sighting in seen}
    for at, word in enumerate(words, address):
        for order in orders:
            cells = [found.get((at, order, kind)) for kind in kinds]
            is_usual = everything or order in _USUAL
            if not any(cells) or not (is_usual or any(one and one.looks_like for one in cells)):
                continue
            place = (str(at), f"{word:04x}") if order == orders[0] else ("", "")
            looks = "; ".join(f"{one.type}: {one.looks_like}" for one in cells if one and one.looks_like)
            table.add_row(*place, order, *map(_cell, cells), looks)
    wide = Console(width=max(output.width, _WIDTH * (2 if everything else 1)), highlight=False)
    wide.print(table)
    taken = {at for sighting in marked for at in sighting.addresses}
    for text in texts(address, words):
        if taken.isdisjoint(text.addresses):
            output.print(f"text from {text.address}: {text.text}", markup=False)
    if not marked:
        errors.print("nothing here looks like a measurement; try other addresses, and --input as well as --holding")


def _cell(sighting: Sighting | None) -> Styled:
    if sighting is None or sighting.value is None:
        return Styled("")
    text = str(sighting.value)
    return Styled(
        text if len(text) <= 11 else f"{sighting.value:.4g}", style="bold green" if sighting.looks_like else ""
    )
