"""One payload decoded, without a broker and without settings: for the command line, and to check formats with."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic import JsonValue, ValidationError

from collectors.mqtt.format import Format, Message, Unnamed, Value
from collectors.mqtt.formats import format_named, recognise
from collectors.mqtt.listener import believable
from collectors.mqtt.payload import DecodeError
from metering.quantities import QUANTITIES

UNKNOWN = "unknown"
"""Quantity and unit of a number that only options could name."""


class Result(NamedTuple):
    """A value as it would become a reading; or a number of which quantity and unit are `UNKNOWN`.

    device   the device's topic; with ``/<part>`` behind it for a sensor or channel of its own
    time_us  µs since the Unix epoch, UTC; None where the payload gives no believable time, so that receipt counts
    source   JSON Pointer of the field, or what `collectors.mqtt.format.Value` says
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
    refused: Sequence[str] = ()
    offline: str | None = None


def decode(  # noqa: PLR0913 - two of them are for formats that need to be told more
    topic: str,
    payload: bytes,
    received_us: int,
    format_name: str | None = None,
    options: Mapping[str, JsonValue] | None = None,
    *,
    before: Sequence[Message] = (),
) -> Decoding:
    """Decode a message, in the format that recognises it if none is named.

    ``before`` are the messages that the device was heard with earlier, for formats that remember. Where a format needs
    options and none are given, the numbers in the message are shown without their meaning.

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
    message = Message(topic, payload, received_us)
    if not options and _needs_options(kind):
        return Decoding(format_name, [_unnamed(device_topic, number, received_us) for number in kind.numbers(message)])
    try:
        decoder = kind(device_topic, kind.Options.model_validate(options or {}))
    except ValidationError as error:
        raise ValueError(f"options of {format_name}: {error}") from None
    for earlier in before:
        with suppress(DecodeError):
            decoder.decode(earlier)
    decoded = decoder.decode(message)
    results = [_result(device_topic, value, received_us) for value in decoded.values]
    return Decoding(format_name, results, decoded.refused, decoded.offline)


def _needs_options(kind: type[Format[Any]]) -> bool:
    return any(field.is_required() for field in kind.Options.model_fields.values())


def _result(device: str, value: Value, received_us: int) -> Result:
    time_us = _believed(value.time_us, received_us)
    unit = QUANTITIES[value.quantity].unit
    return Result(_name(device, value.part), value.quantity, value.value, unit, time_us, value.source)


def _unnamed(device: str, number: Unnamed, received_us: int) -> Result:
    time_us = _believed(number.time_us, received_us)
    return Result(_name(device, number.name), UNKNOWN, number.number, UNKNOWN, time_us, number.source)


def _believed(time_us: int | None, received_us: int) -> int | None:
    return time_us if time_us is not None and believable(time_us, received_us) else None


def _name(device: str, part: str) -> str:
    return f"{device}/{part}" if part else device
