"""One payload decoded, without a broker and without settings: for the command line, and to check formats with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pydantic import JsonValue, ValidationError

from collectors.mqtt.format import Message, Value
from collectors.mqtt.formats import format_named, recognise
from collectors.mqtt.listener import believable
from collectors.mqtt.payload import DecodeError
from metering.quantities import QUANTITIES


class Result(NamedTuple):
    """A value as it would become a reading.

    device   the device's topic; with ``/<part>`` behind it for a sensor or channel of its own
    time_us  µs since the Unix epoch, UTC; None where the payload gives no believable time, so that receipt counts
    source   JSON Pointer of the field
    """

    device: str
    quantity: str
    value: float
    unit: str
    time_us: int | None
    source: str


@dataclass(frozen=True, slots=True)
class Decoding:
    """What a payload says; ``refused`` and ``offline`` as in `collectors.mqtt.format.Decoded`."""

    format: str
    results: Sequence[Result]
    refused: Sequence[str]
    offline: str | None


def decode(
    topic: str,
    payload: bytes,
    received_us: int,
    format_name: str | None = None,
    options: Mapping[str, JsonValue] | None = None,
) -> Decoding:
    """Decode a message, in the format that recognises it if none is named.

    Raises DecodeError if it can't be read or no format knows it, ValueError for an unknown format or wrong options.
    """
    if format_name is None:
        found = recognise(topic, payload)
        if found is None:
            raise DecodeError("no format recognises the message: name one, and its options")
        format_name, device_topic = found
        kind = format_named(format_name)
    else:
        kind = format_named(format_name)
        device_topic = kind.recognise(topic, payload) or topic
    try:
        decoder = kind(device_topic, kind.Options.model_validate(options or {}))
    except ValidationError as error:
        raise ValueError(f"options of {format_name}: {error}") from None
    decoded = decoder.decode(Message(topic, payload, received_us))
    results = [_result(device_topic, value, received_us) for value in decoded.values]
    return Decoding(format_name, results, decoded.refused, decoded.offline)


def _result(device: str, value: Value, received_us: int) -> Result:
    time_us = value.time_us if value.time_us is not None and believable(value.time_us, received_us) else None
    name = f"{device}/{value.part}" if value.part else device
    return Result(name, value.quantity, value.value, QUANTITIES[value.quantity].unit, time_us, value.source)
