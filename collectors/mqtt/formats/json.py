"""Any JSON: an allow-list of JSON Pointers (RFC 6901), each with its quantity, unit and factor."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Literal

from pydantic import Field

from collectors.mqtt.format import Decoded, Format, Harvest, Message, Unnamed, Value
from collectors.mqtt.meaning import Meaning
from collectors.mqtt.payload import (
    as_number,
    at_pointer,
    epoch_instant,
    inner,
    iso_instant,
    pointer,
    read_json,
    steps,
    text_number,
)
from metering.quantities import QUANTITIES
from metering.strict import Strict

_PER_SECOND = {"unix_s": 1, "unix_ms": 10**3, "unix_us": 10**6, "unix_ns": 10**9}


class JsonValue(Meaning):
    """One field and what it means."""

    pointer: str = Field(pattern=r"^(/.*)?$")
    """JSON Pointer, e.g. /meter/power or /values/0; "" if the payload as a whole is the number."""
    text: bool = False
    """Set if the device writes the number as a text, e.g. "23.5"."""


class JsonTime(Strict):
    """Where the payload gives the instant."""

    pointer: str = Field(pattern=r"^/")
    format: Literal["iso8601", "unix_s", "unix_ms", "unix_us", "unix_ns"] = "iso8601"


_Wanted = tuple[tuple[str, ...], str, str, str, bool, bool, JsonValue]
"""A `JsonValue` as it is asked of each message, since settings and named tuples answer slowly.

keys of the pointer, quantity, unit, pointer; whether the number is plain, neither written as a text nor with a factor;
whether it is canonical, nor has a unit to convert; the field itself.
"""


class JsonOptions(Strict):
    values: tuple[JsonValue, ...] = Field(min_length=1)
    time: JsonTime | None = None
    """Without it, or where it holds no instant, the moment of receipt counts."""

    @cached_property
    def wanted(self) -> Sequence[_Wanted]:
        return [_wanted(field) for field in self.values]


def _wanted(field: JsonValue) -> _Wanted:
    plain = field.factor == 1.0 and not field.text
    canonical = plain and field.unit == QUANTITIES[field.quantity].unit
    return steps(field.pointer), field.quantity, field.unit, field.pointer, plain, canonical, field


class Json(Format[JsonOptions]):
    name = "json"
    Options = JsonOptions

    def __init__(self, topic: str, options: JsonOptions) -> None:
        super().__init__(topic, options)
        self._time, self._wanted = options.time, options.wanted

    @classmethod
    def recognise(cls, topic: str, payload: bytes) -> str | None:  # noqa: ARG003
        """Never: what a field means stands in the settings only."""
        return None

    @classmethod
    def numbers(cls, message: Message) -> Iterable[Unnamed]:
        return [Unnamed(number, None, path, path[1:]) for path, number in _numbers(read_json(message.payload), "")]

    def subscriptions(self) -> tuple[str, ...]:
        return (self.topic,)

    def decode(self, message: Message) -> Decoded:
        root = read_json(message.payload)
        time_us = None if self._time is None else _instant(root, self._time)
        values: list[Value] = []
        refused: list[str] = []
        for keys, quantity, unit, path, plain, canonical, field in self._wanted:
            raw = root
            for key in keys:
                raw = raw.get(key) if type(raw) is dict else inner(raw, key)
            if canonical and type(raw) is float:  # nearly always, and finite: JSON knows no other
                values.append(Value(quantity, raw, time_us, path))
                continue
            if not plain:
                number = text_number(raw.strip()) if field.text and isinstance(raw, str) else None
                raw = field.scaled(raw if number is None else number)
            Harvest(time_us, values, refused).add(quantity, raw, unit, path)
        return Decoded(values, refused)


def _instant(root: object, time: JsonTime) -> int | None:
    raw = at_pointer(root, time.pointer)
    return iso_instant(raw) if time.format == "iso8601" else epoch_instant(raw, _PER_SECOND[time.format])


def _numbers(value: object, path: str) -> Iterator[tuple[str, float]]:
    """Every number of a document with its JSON Pointer."""
    number = as_number(value)
    if number is not None:
        yield path, number
    elif isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _numbers(inner, path + pointer(key))
