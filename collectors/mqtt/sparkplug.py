"""Payloads of Sparkplug B: protobuf in, metrics out, and back.

Sparkplug 3.0 (https://sparkplug.eclipse.org/specification/), chapter 6. Data sets, templates and arrays are
passed over.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from collectors.mqtt import protobuf
from collectors.mqtt.payload import DecodeError, check_length

Scalar = int | float | bool | str


class DataType(IntEnum):
    """Those of the specification that can be measurements, and what else is needed here."""

    UNKNOWN = 0
    INT8 = 1
    INT16 = 2
    INT32 = 3
    INT64 = 4
    UINT8 = 5
    UINT16 = 6
    UINT32 = 7
    UINT64 = 8
    FLOAT = 9
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12


_BITS: Mapping[int, int] = {DataType.INT8: 8, DataType.INT16: 16, DataType.INT32: 32, DataType.INT64: 64}
_UNSIGNED = {DataType.UINT8, DataType.UINT16, DataType.UINT32, DataType.UINT64}


class Metric(NamedTuple):
    """One metric as it was sent.

    alias     stands for the name in data messages
    time_ms   ms since the Unix epoch, UTC
    datatype  a number of `DataType` or one beyond it; None where only the birth says it
    value     integers unsigned, as they travel; None for null and for what is no scalar
    """

    name: str = ""
    alias: int | None = None
    time_ms: int | None = None
    datatype: int | None = None
    value: Scalar | None = None
    properties: Mapping[str, Scalar] = {}


class Payload(NamedTuple):
    """``time_ms`` as in `Metric`; ``seq`` is None in NDEATH, which has none."""

    time_ms: int | None = None
    seq: int | None = None
    metrics: Sequence[Metric] = ()

    def metric(self, name: str) -> Metric | None:
        return next((metric for metric in self.metrics if metric.name == name), None)


def number(value: Scalar | None, datatype: int) -> float | None:
    """What a metric's value counts, None if its datatype is no number: negative integers travel as large ones."""
    if value is None or isinstance(value, bool | str):
        return None
    if isinstance(value, float):
        return value
    if datatype in _UNSIGNED:
        return value
    bits = _BITS.get(datatype)
    if bits is None:
        return None
    low_bits = int(value) & (1 << bits) - 1
    return low_bits - (1 << bits) if low_bits >> (bits - 1) else low_bits


@lru_cache(maxsize=16)  # all devices of an edge node read its messages
def read(data: bytes) -> Payload:
    """Raises DecodeError for bytes that are no payload."""
    check_length(data)
    try:
        return _payload(data)
    except (TypeError, ValueError, struct.error) as error:
        raise DecodeError(f"payload is not Sparkplug B: {error}") from None


def _payload(data: bytes) -> Payload:
    time_ms, seq, metrics = None, None, []
    for field, value in protobuf.fields(data):
        if field == 1:
            time_ms = _int(value)
        elif field == 2:
            metrics.append(_metric(_bytes(value)))
        elif field == 3:
            seq = _int(value)
    return Payload(time_ms, seq, metrics)


def _metric(data: bytes) -> Metric:
    metric, is_null = Metric(), False
    for field, value in protobuf.fields(data):
        match field:
            case 1:
                metric = metric._replace(name=_bytes(value).decode())
            case 2:
                metric = metric._replace(alias=_int(value))
            case 3:
                metric = metric._replace(time_ms=_int(value))
            case 4:
                metric = metric._replace(datatype=_int(value))
            case 7:
                is_null = bool(_int(value))
            case 9:
                metric = metric._replace(properties=_properties(_bytes(value)))
            case _:
                found = _scalar(field - 10, value)
                metric = metric if found is None else metric._replace(value=found)
    return metric._replace(value=None) if is_null else metric


def _scalar(field: int, value: int | bytes) -> Scalar | None:
    """One of int, long, float, double, boolean, string, numbered from 0; None for others."""
    match field:
        case 0 | 1:
            return _int(value)
        case 2:
            return float(struct.unpack("<f", _bytes(value))[0])
        case 3:
            return float(struct.unpack("<d", _bytes(value))[0])
        case 4:
            return bool(_int(value))
        case 5:
            return _bytes(value).decode()
    return None


def _properties(data: bytes) -> dict[str, Scalar]:
    keys: list[str] = []
    values: list[Scalar | None] = []
    for field, value in protobuf.fields(data):
        if field == 1:
            keys.append(_bytes(value).decode())
        elif field == 2:
            scalars = [_scalar(inner - 3, part) for inner, part in protobuf.fields(_bytes(value))]
            values.append(next((scalar for scalar in scalars if scalar is not None), None))
    return {key: value for key, value in zip(keys, values, strict=True) if value is not None}


def _int(value: int | bytes) -> int:
    if isinstance(value, bytes):
        raise TypeError("bytes where a number is due")
    return value


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise TypeError("a number where bytes are due")
    return value


def write(payload: Payload) -> bytes:
    """The payload in protobuf, its fields in the order of their numbers. Integers must be 0 or more."""
    written = b"" if payload.time_ms is None else protobuf.varint_field(1, payload.time_ms)
    written += b"".join(protobuf.bytes_field(2, _written(metric)) for metric in payload.metrics)
    return written if payload.seq is None else written + protobuf.varint_field(3, payload.seq)


def _written(metric: Metric) -> bytes:
    written = protobuf.bytes_field(1, metric.name.encode()) if metric.name else b""
    for field, value in ((2, metric.alias), (3, metric.time_ms), (4, metric.datatype)):
        written += b"" if value is None else protobuf.varint_field(field, value)
    if metric.properties:
        written += protobuf.bytes_field(9, _written_properties(metric.properties))
    return written + (b"" if metric.value is None else _written_value(10, metric.value, metric.datatype))


def _written_properties(properties: Mapping[str, Scalar]) -> bytes:
    keys: Iterable[bytes] = (protobuf.bytes_field(1, key.encode()) for key in properties)
    values: list[bytes] = []
    for value in properties.values():
        datatype = DataType.STRING if isinstance(value, str) else DataType.INT32
        values.append(protobuf.bytes_field(2, protobuf.varint_field(1, datatype) + _written_value(3, value, datatype)))
    return b"".join(keys) + b"".join(values)


def _written_value(first: int, value: Scalar, datatype: int | None) -> bytes:
    """``first`` is the number of the field for int; those for long, float, double, boolean, string follow it."""
    if isinstance(value, str):
        return protobuf.bytes_field(first + 5, value.encode())
    if isinstance(value, bool):
        return protobuf.varint_field(first + 4, value)
    if isinstance(value, float):
        is_float = datatype == DataType.FLOAT
        return protobuf.float_field(first + 2, value) if is_float else protobuf.double_field(first + 3, value)
    is_long = datatype in (DataType.INT64, DataType.UINT64)
    return protobuf.varint_field(first + is_long, value)
