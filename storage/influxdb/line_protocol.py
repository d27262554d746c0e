"""Line protocol: ``measurement,tag=value field=value,field=value time``, times in µs.

https://docs.influxdata.com/influxdb/v1/write_protocols/line_protocol_reference/
Whatever has a meaning in the syntax is escaped; what cannot be (control characters, a backslash at the end of a tag)
is refused, since the server would read it as another point.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache

import msgspec

from metering.event import Event
from metering.quality import Quality
from metering.reading import Reading
from storage.influxdb.schema import EVENT, EVENT_TAGS, MEASUREMENTS, STATUS, measurement_of, status
from storage.protocol import StoreRefused

_TAG_ESCAPES = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ "})
_TEXT_ESCAPES = str.maketrans({'"': r"\"", "\\": r"\\"})
_NOT_FINITE = "null"  # what JSON has for NaN and infinity
_NO_TAG = re.compile(r"[\x00-\x1f\x7f]|\\\Z|\A\Z")


def encode_readings(readings: Iterable[Reading]) -> list[str]:
    """A line for each device and time of those that come together; of readings with one identity the last one remains.

    Raises StoreRefused for a value that is not finite and for names that line protocol cannot carry.
    """
    newest = {(reading.device, reading.quantity, reading.time_us): reading for reading in readings}
    lines: list[str] = []
    line, of, head_of, at_us = "", "", "", 0
    for ((device, quantity, time_us), reading), number in zip(newest.items(), _numbers(newest.values()), strict=True):
        if number == _NOT_FINITE:
            raise StoreRefused(f"not a finite value: {reading}")
        head, field = _quantity(quantity)
        text = f"{field}={number}"
        if reading.reason or reading.quality:
            text += f",{field}{STATUS}={_status(reading.quality, reading.reason)}"
        if time_us == at_us and device == of and head is head_of:
            line += f",{text}"
            continue
        if line:
            lines.append(f"{line} {at_us}")
        line, of, head_of, at_us = f"{head}{_device(device)} {text}", device, head, time_us
    return [*lines, f"{line} {at_us}"] if line else lines


def _numbers(readings: Collection[Reading]) -> list[str]:
    """The values as JSON writes them: as many digits as `repr` gives them, many times faster."""
    values = msgspec.json.encode([float(reading.value) for reading in readings])
    return values[1:-1].decode().split(",") if readings else []


def encode_events(events: Sequence[Event]) -> list[str]:
    """One line for each event. Raises StoreRefused for tags that line protocol cannot carry."""
    return [_event(event) for event in events]


def _event(event: Event) -> str:
    tags = [f"{name}={_tag(value)}" for name in EVENT_TAGS if (value := getattr(event, name))]
    fields = {"title": _text(event.title), "severity": f"{event.severity:d}i"}
    if event.end_us is not None:
        fields["end_us"] = f"{event.end_us}i"
    return _line(",".join([EVENT, *tags]), fields, event.time_us)


def _line(head: str, fields: dict[str, str], time_us: int) -> str:
    return f"{head} {','.join([f'{name}={value}' for name, value in fields.items()])} {time_us}"


_HEADS = {measurement: f"{measurement.name},{measurement.tag}=" for measurement in MEASUREMENTS.values()}


@lru_cache(maxsize=1024)
def _quantity(name: str) -> tuple[str, str]:
    """How a line begins, up to the device, and the field."""
    return _HEADS[measurement_of(name)], _tag(name)


@lru_cache(maxsize=65_536)
def _device(name: str) -> str:
    tag = _tag(name)
    return name if tag == name else tag  # one text instead of two


@lru_cache(maxsize=1024)
def _status(quality: Quality, reason: str) -> str:
    return _text(status(quality, reason))


def can_carry(name: str) -> bool:
    """Whether a tag or field can be called so."""
    return not _NO_TAG.search(name)


def escaped(name: str) -> str:
    """A tag or field as a line writes it; see `can_carry`."""
    return name.translate(_TAG_ESCAPES)


def _tag(name: str) -> str:
    if not can_carry(name):
        raise StoreRefused(
            f"InfluxDB cannot keep the name {name!r}: it is empty, has control characters or ends with a backslash"
        )
    return escaped(name)


def _text(text: str) -> str:
    return f'"{text.translate(_TEXT_ESCAPES)}"'
