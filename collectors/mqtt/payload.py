"""Reading payloads strictly: JSON, numbers, instants. Nothing is guessed and nothing is repaired."""

import math
import re
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

from metering.instant import SECOND, from_datetime

MAX_PAYLOAD = 256 * 1024
"""Bytes. The largest honest payload known (a LoRaWAN uplink heard by many gateways) is some 30 kB."""


class DecodeError(ValueError):
    """No value can be read from the message; the text says why, in one line."""


_DECIMAL = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)


def read_json(payload: bytes) -> object:
    """The JSON value. Raises DecodeError for anything that is not strict JSON in UTF-8, or too long or too deep."""
    if len(payload) > MAX_PAYLOAD:
        check_length(payload)
    try:
        return msgspec.json.decode(payload)
    except UnicodeDecodeError:
        raise DecodeError("payload is not UTF-8") from None
    except ValueError as error:
        raise DecodeError(f"payload is not JSON: {error}") from None
    except RecursionError:
        raise DecodeError("payload is nested too deeply") from None


def read_object(payload: bytes) -> dict[str, object]:
    """The JSON object. Raises DecodeError like `read_json`, and for JSON that is no object."""
    value = read_json(payload)
    if not isinstance(value, dict):
        raise DecodeError("payload is JSON, but not an object")
    return value


def read_text(payload: bytes) -> str:
    """The payload as text without surrounding blanks. Raises DecodeError for bytes that are not UTF-8, or too many."""
    check_length(payload)
    try:
        return payload.decode().strip()
    except UnicodeDecodeError:
        raise DecodeError("payload is not UTF-8") from None


def read_number(payload: bytes) -> float:
    """The payload as a decimal number. Raises DecodeError for anything else, NaN, ``null`` and nothing among them."""
    text = read_text(payload)
    number = text_number(text)
    if number is None:
        raise DecodeError(f"{text[:40]!r} is not a number")
    return number


def check_length(payload: bytes) -> None:
    if len(payload) > MAX_PAYLOAD:
        raise DecodeError(f"payload has {len(payload)} bytes; at most {MAX_PAYLOAD} are read")


def as_number(value: object) -> float | None:
    """A JSON number as a float; None for text, true, null, and for numbers that no float holds."""
    if type(value) is float:  # nearly always, and this is asked of each value
        return value if math.isfinite(value) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def text_number(text: str) -> float | None:
    """A decimal number written out; None for NaN, 1_000, 0x1F, 23,5, nothing and everything else that is none."""
    if not _DECIMAL.fullmatch(text):
        return None
    number = float(text)
    return number if math.isfinite(number) else None


@lru_cache(maxsize=8192)
def pointer(*keys: str | int) -> str:
    """The JSON Pointer (RFC 6901) of a path."""
    return "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in keys)


def at_pointer(value: object, path: str) -> object:
    """The value at a JSON Pointer, None if there is none."""
    for key in steps(path):
        value = inner(value, key)
    return value


def inner(value: object, key: str) -> object:
    """What an object or a list has under a step of a JSON Pointer, None if it is neither or has nothing."""
    if isinstance(value, dict):
        return value.get(key)
    if isinstance(value, list) and key.isdecimal() and int(key) < len(value):
        return value[int(key)]
    return None


@lru_cache(maxsize=8192)
def steps(path: str) -> tuple[str, ...]:
    """The keys of a JSON Pointer."""
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in path.split("/")[1:])


def iso_instant(text: object) -> int | None:
    """The instant of an ISO 8601 text with offset or ``Z``; None for any other text, which fixes none."""
    moment = _iso(text)
    return from_datetime(moment) if moment is not None and moment.tzinfo is not None else None


def local_instant(text: object, timezone: str) -> int | None:
    """The instant of an ISO 8601 text in local time; None in the hours that occur twice a year, or never."""
    moment = _iso(text)
    if moment is None or moment.tzinfo is not None:
        return None
    zone = ZoneInfo(timezone)
    try:
        early, late = (moment.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    except OverflowError:  # the first and the last hours of the calendar
        return None
    return from_datetime(early) if early == late else None


def epoch_instant(value: object, per_second: int) -> int | None:
    """The instant of a count since the Unix epoch: 1 (s), 1000 (ms), 10**6 (µs) or 10**9 (ns) ``per_second``."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value * SECOND // per_second
    number = as_number(value)
    return round(number * (SECOND / per_second)) if number is not None and abs(number) < 1e20 else None


def _iso(text: object) -> datetime | None:
    if not isinstance(text, str):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
