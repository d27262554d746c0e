"""Readings in files that other programs read, and back: CSV, Parquet, InfluxDB line protocol.

A reading is a row of device, quantity, time (UTC), value, quality and reason. Line protocol has the measurements and
fields of ``storage/influxdb/schema.py``, with times in µs.
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from math import isfinite
from pathlib import Path
from typing import IO, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from metering import instant
from metering.quality import Quality
from metering.reading import Reading
from storage.influxdb.line_protocol import encode_readings
from storage.influxdb.schema import MEASUREMENTS, STATUS, parse_status

FORMATS = ("parquet", "csv", "line-protocol")
COLUMNS = ("device", "quantity", "time", "value", "quality", "reason")
_SCHEMA = pa.schema(
    {
        "device": pa.string(),
        "quantity": pa.string(),
        "time": pa.timestamp("us", tz="UTC"),
        "value": pa.float64(),
        "quality": pa.string(),
        "reason": pa.string(),
    }
)
_LINE = re.compile(r"(?P<head>(?:[^\\ ]|\\.)+) (?P<fields>.+) (?P<time>-?\d+)")
_PART = re.compile(r"(?:[^\\,]|\\.)+")
_FIELD = re.compile(r'((?:[^\\=,]|\\.)+)=("(?:[^"\\]|\\.)*"|[^,]+),?')


class Sink(Protocol):
    """Where readings go, in parts."""

    def write(self, readings: list[Reading]) -> None: ...

    def close(self) -> None: ...


class Problem(ValueError):
    """A line or a file that cannot be read."""


def sink(path: Path, format_: str) -> Sink:
    """A file to write. Raises OSError, and LookupError for an unknown format."""
    makers: dict[str, Callable[[Path], Sink]] = {"parquet": _ParquetSink, "csv": _CsvSink, "line-protocol": _LineSink}
    return makers[format_](path)


class _ParquetSink:
    def __init__(self, path: Path) -> None:
        self._file = pq.ParquetWriter(path, _SCHEMA, compression="zstd")

    def write(self, readings: list[Reading]) -> None:
        columns = {
            "device": [reading.device for reading in readings],
            "quantity": [reading.quantity for reading in readings],
            "time": pa.array([reading.time_us for reading in readings], pa.int64()).cast(_SCHEMA.field("time").type),
            "value": [reading.value for reading in readings],
            "quality": [reading.quality.name.lower() for reading in readings],
            "reason": [reading.reason for reading in readings],
        }
        self._file.write_table(pa.table(columns, _SCHEMA))

    def close(self) -> None:
        self._file.close()


class _TextSink:
    def __init__(self, path: Path) -> None:
        self._file: IO[str] = path.open("w", encoding="utf-8", newline="")

    def close(self) -> None:
        self._file.close()


class _CsvSink(_TextSink):
    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._rows = csv.writer(self._file)
        self._rows.writerow(COLUMNS)

    def write(self, readings: list[Reading]) -> None:
        for r in readings:
            time, quality = instant.isoformat(r.time_us), r.quality.name.lower()
            self._rows.writerow((r.device, r.quantity, time, repr(r.value), quality, r.reason))


class _LineSink(_TextSink):
    def write(self, readings: list[Reading]) -> None:
        self._file.writelines(line + "\n" for line in encode_readings(readings))


def format_of(path: Path) -> str | None:
    """The format a file has by its first bytes; None if it is none of these."""
    with path.open("rb") as file:
        begin = file.read(4096)
    if begin.startswith(b"PAR1"):
        return "parquet"
    first = begin.decode("utf-8-sig", "replace").lstrip("\r\n").splitlines()[:1] or [""]
    if tuple(first[0].split(",")) == COLUMNS:
        return "csv"
    if re.match(rf"(?:{'|'.join(MEASUREMENTS)}),\w+=\S", first[0]):
        return "line-protocol"
    return None


def readings(path: Path, format_: str) -> Iterator[tuple[int, list[Reading] | Problem]]:
    """Line or row (from 1) with its readings, or with what is wrong with it. Raises Problem for an unreadable file."""
    if format_ == "parquet":
        yield from _from_parquet(path)
        return
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            yield from _from_csv(file) if format_ == "csv" else _from_lines(file)
        except UnicodeDecodeError as error:
            raise Problem(f"{path} is no UTF-8 text: {error.reason}") from None


def _from_parquet(path: Path) -> Iterator[tuple[int, list[Reading] | Problem]]:
    try:
        table = pq.ParquetFile(path)
        missing = [name for name in COLUMNS if name not in table.schema_arrow.names]
    except (pa.ArrowException, OSError) as error:
        raise Problem(f"{path}: {error}") from None
    if missing:
        raise Problem(f"{path} has no column {', '.join(missing)}; wanted are {', '.join(COLUMNS)}")
    number = 0
    for batch in table.iter_batches(columns=list(COLUMNS)):
        times = batch.column("time").cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
        columns = [batch.column(name).to_pylist() if name != "time" else times.to_pylist() for name in COLUMNS]
        for row in zip(*columns, strict=True):
            number += 1
            yield number, _reading(*row)


def _from_csv(file: IO[str]) -> Iterator[tuple[int, list[Reading] | Problem]]:
    rows = csv.reader(file)
    next(rows, None)
    while True:
        try:
            device, quantity, time, value, quality, reason = next(rows)
            yield rows.line_num, _reading(device, quantity, instant.parse(time), float(value), quality, reason)
        except StopIteration:
            return
        except UnicodeDecodeError:
            raise
        except (ValueError, csv.Error) as error:
            yield rows.line_num, Problem(str(error))


def _from_lines(lines: Iterable[str]) -> Iterator[tuple[int, list[Reading] | Problem]]:
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.startswith("#"):
            try:
                yield number, _line(line.strip())
            except (ValueError, KeyError) as error:
                yield number, Problem(f"{error}")


def _line(line: str) -> list[Reading]:
    match = _LINE.fullmatch(line)
    if match is None:
        raise Problem("not a line of line protocol with a time in µs")
    name, *tags = (_unescaped(part) for part in _PART.findall(match["head"]))
    measurement = MEASUREMENTS.get(name)
    wanted = f"{measurement.tag}=" if measurement else ""
    device = next((tag.removeprefix(wanted) for tag in tags if measurement and tag.startswith(wanted)), None)
    if device is None:
        raise Problem(f"measurement {name!r} is none of {', '.join(MEASUREMENTS)}, or lacks its tag")
    fields = {_unescaped(field): value for field, value in _FIELD.findall(match["fields"])}
    made = []
    for field, value in fields.items():
        if not field.endswith(STATUS):
            status = re.sub(r"\\(.)", r"\1", fields.get(field + STATUS, '""')[1:-1])
            quality, reason = parse_status(status) if status else (Quality.MEASURED, "")
            made.append(_checked(Reading(device, field, float(value), int(match["time"]), quality, reason)))
    return made


def _reading(  # noqa: PLR0913, PLR0917 - the columns
    device: str, quantity: str, time_us: int, value: float, quality: str, reason: str
) -> list[Reading] | Problem:
    try:
        return [_checked(Reading(device, quantity, value, time_us, Quality[quality.upper()], reason or ""))]
    except Problem as problem:
        return problem
    except (KeyError, AttributeError):
        return Problem(f"unknown quality {quality!r}")


def _checked(reading: Reading) -> Reading:
    """Files may have cells with nothing in them, whatever their columns are said to hold."""
    there = reading.device and reading.quantity and reading.time_us is not None and reading.value is not None
    if not there or not isfinite(reading.value):
        raise Problem("there is no device, quantity, time or finite value")
    return reading


def _unescaped(text: str) -> str:
    return re.sub(r"\\([,= ])", r"\1", text)
