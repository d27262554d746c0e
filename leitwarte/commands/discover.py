"""``leitwarte discover``: what is there, as a settings fragment ready to be pasted."""

import asyncio
import json as json_
import re
import shlex
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import aiomqtt
import typer
from pydantic import ValidationError

from collectors.modbus.bus import Unreachable
from collectors.modbus.discovery import USUAL_UNITS, Discovery, FoundUnit
from collectors.modbus.settings import ModbusConnection
from collectors.mqtt.discovery import listen
from collectors.mqtt.settings import MqttSettings
from leitwarte import fragment, modbus_fragment, mqtt_fragment
from leitwarte.commands import bus_options
from leitwarte.commands.common import WRONG_CALL, JsonOption, commands, errors, fail, print_json
from leitwarte.progress import progress_bars
from leitwarte.proposal import slug
from metering.clock import Clock

OutputOption = Annotated[Path | None, typer.Option("-o", "--output", help="Write the fragment to this file.")]
IdOption = Annotated[str | None, typer.Option("--id", help="Id of the connection; made from the address if left out.")]

_ADVICE = (
    "Ids are part of every stored series: choose yours before the first start. Compare a counter of each device with "
    "its display."
)

app = commands("Find devices and print settings that read them.")


@app.command()
def modbus(
    target: bus_options.TargetArgument = None,
    units: Annotated[
        str | None, typer.Option(help="Unit ids, such as 1-20,71. Left out: 1-20 and those that makers preset.")
    ] = None,
    id_: IdOption = None,
    json: JsonOption = False,
    output: OutputOption = None,
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
    """Find the units on a Modbus bus and what they are. Only reads (functions 3, 4 and 43/14); nothing is written.

    A unit exists if it answers, be it with an exception. What it is, it says itself (device identification, SunSpec),
    or its registers show it. Where several types fit, the likeliest is proposed and the others stand beside it.
    """
    bus_options.quiet()
    way = bus_options.Way(
        target, serial, baudrate, parity, stop_bits, rtu_over_tcp, tls_certificate, tls_key, tls_ca, timeout
    )
    try:
        connection = way.connection(id_)
        wanted = [unit for unit in _units(units) if unit in connection.units]
        found = asyncio.run(_scan(connection, wanted))
    except ValueError as error:
        fail(error, WRONG_CALL)
    except Unreachable as error:
        fail(bus_options.explained(error))
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


@app.command()
def mqtt(
    target: Annotated[str, typer.Argument(metavar="HOST[:PORT]", help="The broker.")],
    seconds: Annotated[float, typer.Option(min=0.5, help="How long to listen.")] = 30.0,
    topic: Annotated[list[str] | None, typer.Option(help="Topic filter; may be given several times. [#]")] = None,
    username: Annotated[str | None, typer.Option(help="User at the broker.")] = None,
    password_file: Annotated[Path | None, typer.Option(help="File with the password.")] = None,
    tls: Annotated[bool, typer.Option("--tls", help="Encrypt; the broker's certificate is verified.")] = False,
    tls_ca: bus_options.CaOption = None,
    tls_certificate: Annotated[Path | None, typer.Option(help="This client's certificate (PEM).")] = None,
    tls_key: bus_options.KeyOption = None,
    id_: IdOption = None,
    json: JsonOption = False,
    output: OutputOption = None,
) -> None:
    """Listen to a broker and sort what speaks there into devices. Publishes nothing and leaves nothing behind.

    The settings say what was understood, with the last values; what was not understood stands there as comments, with
    the reason. The longer it listens, the more devices it hears: some speak every quarter of an hour only.
    """
    bus_options.quiet()
    tls_files = {"ca_file": tls_ca, "certificate_file": tls_certificate, "key_file": tls_key}
    try:
        host, port = bus_options.host_and_port(target)
        is_encrypted = tls or any(tls_files.values())
        written = _broker(host, port or (8883 if is_encrypted else 1883), id_, username, password_file)
        if is_encrypted:
            written["tls"] = {name: str(file) for name, file in tls_files.items() if file is not None}
        password = None if password_file is None else password_file.read_text("utf-8").rstrip("\r\n")
        settings = MqttSettings.model_validate({**written, "password": password})
        with progress_bars(quiet=not errors.is_terminal) as show:
            progress = partial(show, f"listening for {seconds:g} s")
            found = asyncio.run(listen(settings, topic or ["#"], seconds, Clock(), progress))
    except ValidationError as error:
        fail("\n".join(item["msg"].removeprefix("Value error, ") for item in error.errors()), WRONG_CALL)
    except ValueError as error:
        fail(error, WRONG_CALL)
    except (OSError, aiomqtt.MqttError) as error:
        fail(f"{target}: {error}\n→ {_mqtt_remedy(error)}")
    if not found.messages:
        fail(
            f"{target}: connected, but no message came in {seconds:g} s\n→ try --seconds 900, and check that this user "
            "may read the topics"
        )
    sections = mqtt_fragment.sections(written, found)
    if json:
        _write_json({"settings": fragment.document(sections), **mqtt_fragment.facts(found)}, output)
        return
    count = sum(bool(device.values) for device in found.devices.values())
    said = (
        f"Found by: leitwarte discover mqtt {target}, {seconds:g} s: {found.messages} messages, {count} devices "
        f"understood, {len(found.unknown)} topics not recognised."
    )
    _write(fragment.rendered(sections, (said, _ADVICE)), output)


def _broker(
    host: str, port: int, id_: str | None, username: str | None, password_file: Path | None
) -> dict[str, object]:
    """The broker as it stands in the settings, the password by reference."""
    found: dict[str, object] = {"id": id_ or slug(host), "host": host, "port": port}
    if username is not None:
        found["username"] = username
    if password_file is not None:
        found["password"] = f"${{file:{password_file.resolve()}}}"
    return found


def _mqtt_remedy(error: Exception) -> str:
    text = str(error).lower()
    if "authori" in text or "user name" in text:
        return "check --username and --password-file, and what this user may read"
    if "refused" in text and "connection" in text:
        return "nothing listens there: check host and port (usually 1883, with --tls 8883)"
    if "name or service" in text or "nodename" in text:
        return "the name is unknown here: check the spelling, or give the address"
    if "tls" in text or "ssl" in text or "certificate" in text:
        return "check --tls-ca and the port (usually 8883)"
    return "check address, port and firewall, and whether the broker wants --tls or a password"


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
