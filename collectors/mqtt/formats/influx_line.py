"""InfluxDB line protocol, as Telegraf publishes it: ``measurement,tag=text field=23.5 1653579140440951943``.

https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/ — a line that is wrong costs only itself.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, NamedTuple

from pydantic import Field

from collectors.mqtt.format import Decoded, Format, Harvest, Message, Unnamed
from collectors.mqtt.meaning import Meaning
from collectors.mqtt.payload import DecodeError, epoch_instant, read_text, text_number
from metering.strict import Strict

_NAME = r"(?:[^\\,= \n]|\\.)++"
_MEASUREMENT = r"(?:[^\\, \n]|\\.)++"
_VALUE = r'"(?:[^"\\]|\\.)*+"|[^", \n]++'
_LINE = re.compile(
    rf"(?P<measurement>{_MEASUREMENT})(?P<tags>(?:,{_NAME}={_NAME})*) +"
    rf"(?P<fields>{_NAME}=(?:{_VALUE})(?:,{_NAME}=(?:{_VALUE}))*)(?: +(?P<time>-?\d{{1,20}}))?",
    re.ASCII | re.DOTALL,
)
_TAG = re.compile(rf",({_NAME})=({_NAME})", re.DOTALL)
_FIELD = re.compile(rf"({_NAME})=({_VALUE}),?", re.DOTALL)
_ESCAPED = re.compile(r"\\([,= ])")
_INTEGER = re.compile(r"([+-]?\d+)([iu])", re.ASCII)
_RANGES = {"i": (-(2**63), 2**63 - 1), "u": (0, 2**64 - 1)}
_TRUTHS = {"t", "T", "true", "True", "TRUE", "f", "F", "false", "False", "FALSE"}
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


class LineField(Meaning):
    """One field and what it means."""

    measurement: str
    field: str
    tags: dict[str, str] = Field(default_factory=dict)
    """Only lines with all of these tags, e.g. {host: pv-roof}."""


class Options(Strict):
    fields: tuple[LineField, ...] = Field(min_length=1)
    precision: Literal["s", "ms", "us", "ns"] = "ns"
    """What the producer counts time in."""


class Point(NamedTuple):
    """One line, its numbers only; ``time`` is the count at its end, None if there is none."""

    number: int
    measurement: str
    tags: Mapping[str, str]
    fields: Mapping[str, float]
    time: int | None


class InfluxLine(Format[Options]):
    name = "influx_line"
    Options = Options

    @classmethod
    def recognise(cls, topic: str, payload: bytes) -> str | None:
        try:
            lines = list(_lines(payload))
        except DecodeError:
            return None
        return topic if lines and all(_LINE.fullmatch(line) for _, line in lines) else None

    @classmethod
    def numbers(cls, message: Message) -> Iterable[Unnamed]:
        """Times as if they were nanoseconds."""
        points, problems = _read(message.payload)
        if problems and not points:
            raise DecodeError("; ".join(problems))
        return [unnamed for point in points for unnamed in _unnamed(point)]

    def subscriptions(self) -> tuple[str, ...]:
        return (self.topic,)

    def decode(self, message: Message) -> Decoded:
        points, problems = _read(message.payload)
        harvest = Harvest(refused=problems)
        for point in points:
            harvest.time_us = epoch_instant(point.time, _PER_SECOND[self.options.precision])
            for wanted in self.options.fields:
                number = point.fields.get(wanted.field) if wanted.measurement == point.measurement else None
                if number is not None and wanted.tags.items() <= point.tags.items():
                    source = f"line {point.number}: {wanted.field}"
                    harvest.add(wanted.quantity, wanted.scaled(number), wanted.unit, source)
        return harvest.decoded()


def _unnamed(point: Point) -> Iterator[Unnamed]:
    time_us = epoch_instant(point.time, _PER_SECOND["ns"])
    for key, number in point.fields.items():
        yield Unnamed(number, time_us, f"line {point.number}: {key}", f"{point.measurement}.{key}")


def _read(payload: bytes) -> tuple[list[Point], list[str]]:
    """The points, and what is wrong with the other lines."""
    points, problems = [], []
    for number, line in _lines(payload):
        try:
            points.append(_point(number, line))
        except DecodeError as error:
            problems.append(f"line {number}: {error}")
    return points, problems


def _lines(payload: bytes) -> Iterator[tuple[int, str]]:
    """Lines with their number from 1, without comments and empty ones."""
    for number, line in enumerate(read_text(payload).split("\n"), start=1):
        stripped = line.strip("\r\t ")
        if stripped and not stripped.startswith("#"):
            yield number, stripped


def _point(number: int, line: str) -> Point:
    match = _LINE.fullmatch(line)
    if match is None:
        raise DecodeError(f"{line[:40]!r} is not line protocol")
    tags = {_plain(key): _plain(value) for key, value in _TAG.findall(match["tags"])}
    fields = {_plain(key): found for key, raw in _FIELD.findall(match["fields"]) if (found := _number(raw)) is not None}
    return Point(number, _plain(match["measurement"]), tags, fields, int(match["time"]) if match["time"] else None)


def _number(raw: str) -> float | None:
    """A field's number; None for texts and truth values."""
    if raw.startswith('"') or raw in _TRUTHS:
        return None
    integer = _INTEGER.fullmatch(raw)
    if integer is not None:
        low, high = _RANGES[integer[2]]
        if len(integer[1]) > 20 or not low <= int(integer[1]) <= high:
            raise DecodeError(f"{raw[:40]} is beyond the range of its type")
        return float(integer[1])
    number = text_number(raw)
    if number is None:
        raise DecodeError(f"{raw[:40]!r} is not a field value")
    return number


def _plain(name: str) -> str:
    return _ESCAPED.sub(r"\1", name) if "\\" in name else name
