"""``leitwarte decode``: what words or a message mean, without any device. For support, and for checking templates."""

import base64
import binascii
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from collectors.modbus import vectors as modbus_vectors
from collectors.modbus.decoding import decode_words
from collectors.modbus.sunspec import ChainError
from collectors.mqtt import vectors as mqtt_vectors
from collectors.mqtt.decode import decode
from collectors.mqtt.payload import DecodeError
from leitwarte.commands.common import FAILED, WRONG_CALL, commands, fail, output, print_json
from metering import instant
from metering.clock import Clock

app = commands("Show what registers or a message mean.")


@app.command()
def modbus(
    template: Annotated[str, typer.Option(help="Device template, such as eastron/sdm630.")],
    words: Annotated[Path, typer.Option(help='JSON file: {"first address": [word, …], …}, all decimal.')],
    device: Annotated[str, typer.Option(help="Device id to print.")] = "device",
) -> None:
    """Decode register words with a device template; one JSON line a reading."""
    try:
        image = msgspec.json.decode(words.read_bytes(), type=dict[int, list[int]])
        decoded = decode_words(template, image)
    except OSError as error:
        fail(f"{words}: {error.strerror}", WRONG_CALL)
    except (msgspec.DecodeError, ChainError, ValueError) as error:
        fail(f"{words}: {error}")
    for value in decoded:
        _print_reading(device, value.quantity, value.value, value.unit, None)


@app.command()
def mqtt(
    topic: Annotated[str, typer.Option(help="Topic the message came under.")],
    payload: Annotated[str | None, typer.Option(help="The payload as text.")] = None,
    payload_file: Annotated[Path | None, typer.Option(help="File with the payload.")] = None,
    payload_base64: Annotated[str | None, typer.Option(help="The payload in Base64.")] = None,
    received: Annotated[
        str | None, typer.Option(help="Time of receipt, ISO 8601 with offset; now if left out.")
    ] = None,
    format_: Annotated[str | None, typer.Option("--format", help="Payload format; recognised if left out.")] = None,
    options: Annotated[str, typer.Option(help="Options of the format, as a JSON object.")] = "{}",
) -> None:
    """Decode an MQTT message; one JSON line a reading, ``time`` null where the payload fixes none."""
    try:
        content = _payload(payload, payload_file, payload_base64)
        received_us = instant.parse(received) if received else Clock().now_us()
        decoding = decode(topic, content, received_us, format_, msgspec.json.decode(options))
    except OSError as error:
        fail(f"{payload_file}: {error.strerror}", WRONG_CALL)
    except DecodeError as error:
        fail(error)
    except (ValueError, LookupError, msgspec.DecodeError) as error:
        fail(error, WRONG_CALL)
    for result in decoding.results:
        _print_reading(result.device, result.quantity, result.value, result.unit, result.time_us)
    if decoding.refused:
        fail("\n".join(decoding.refused))


@app.command()
def vectors(
    files: Annotated[list[Path], typer.Argument(help="JSON files of test vectors, Modbus or MQTT.")],
) -> None:
    """Compare the decoders with files of worked examples; prints each difference, and last how many agree."""
    right = checks = 0
    for file in files:
        try:
            entries = mqtt_vectors.load(file)
        except (OSError, ValueError, msgspec.DecodeError) as error:
            fail(f"{file}: {error}", WRONG_CALL)
        is_mqtt = any("topic" in entry for entry in entries)
        passed, total, remarks = _run_mqtt(entries) if is_mqtt else _run_modbus(entries)
        right, checks = right + passed, checks + total
        for remark in remarks:
            output.print(remark, markup=False)
    output.print(f"{right} of {checks}")
    if right < checks:
        raise typer.Exit(FAILED)


def _run_modbus(entries: Iterable[modbus_vectors.Vector]) -> tuple[int, int, list[str]]:
    outcomes = [modbus_vectors.compare(entry) for entry in entries]
    checks = sum(outcome.checks for outcome in outcomes)
    differences = [f"{outcome.id}: {difference}" for outcome in outcomes for difference in outcome.differences]
    return checks - len(differences), checks, differences


def _run_mqtt(entries: Iterable[mqtt_vectors.Vector]) -> tuple[int, int, list[str]]:
    report = mqtt_vectors.run(entries)
    return report.right, report.checks, report.differences


def _payload(text: str | None, file: Path | None, encoded: str | None) -> bytes:
    given = [source for source in (text, file, encoded) if source is not None]
    if len(given) != 1:
        raise ValueError("give the payload once: --payload, --payload-file or --payload-base64")
    if text is not None:
        return text.encode()
    if file is not None:
        return file.read_bytes()
    try:
        return base64.b64decode(encoded or "", validate=True)
    except binascii.Error as error:
        raise ValueError(f"--payload-base64: {error}") from None


def _print_reading(device: str, quantity: str, value: float, unit: str, time_us: int | None) -> None:
    time = instant.isoformat(time_us) if time_us is not None else None
    print_json({"device": device, "quantity": quantity, "value": value, "unit": unit, "time": time})
