"""Files of interval series: CSV or Parquet (CSV also .gz) with series_id, timestamp, value and maybe a temperature.

One row an interval: ``timestamp`` is its begin in ISO 8601 (UTC where no offset is given), ``value`` the consumption,
empty where missing; ``temperature`` or ``temp_c`` is the outdoor temperature in °C.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from metering.instant import from_datetime
from metering.samples import Floats, Int64s

_TEMPERATURE = ("temperature", "temp_c")
_SHOWN = 20


@dataclass(frozen=True, slots=True, eq=False)
class SeriesRows:
    """The rows of one series in ascending time without doubled times (of two, the later row counts)."""

    series_id: str
    times_us: Int64s
    values: Floats
    temperature: Floats | None


@dataclass(frozen=True, slots=True, eq=False)
class SeriesFile:
    """All good rows, series in the order of their first row; ``errors`` name file, line and what is wrong."""

    series: list[SeriesRows]
    rows: int
    errors: list[str]


def read(path: Path) -> SeriesFile:
    """Read a file. Raises ValueError, naming the file, if it as a whole cannot be used."""
    source = _Source.read(path, ("series_id", "timestamp", "value"))
    ids = source.table.column("series_id").cast(pa.string()).combine_chunks().dictionary_encode()
    series_of = ids.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    times, values = source.times(), source.numbers("value")
    temperature = source.temperature()
    for row in np.flatnonzero(series_of < 0):
        source.refuse(int(row), "series_id is empty; name the series")

    good = np.ones(len(times), bool)
    good[list(source.refused)] = False
    order = np.flatnonzero(good)
    order = order[np.lexsort((order, times[order], series_of[order]))]
    names = ids.dictionary.to_pylist()
    series = []
    for rows in np.split(order, np.flatnonzero(np.diff(series_of[order])) + 1) if len(order) else ():
        keep = rows[np.concatenate((np.diff(times[rows]) > 0, np.ones(1, bool)))]
        known = None if temperature is None or not np.isfinite(temperature[keep]).any() else temperature[keep]
        series.append(SeriesRows(names[series_of[keep[0]]], times[keep], values[keep], known))
    return SeriesFile(series, len(times), source.errors())


def read_weather(path: Path) -> tuple[Int64s, Floats]:
    """Times (µs, UTC) and outdoor temperatures in °C of a weather file. Raises ValueError, naming file and line."""
    source = _Source.read(path, ("timestamp",))
    times, temperature = source.times(), source.temperature()
    if temperature is None:
        raise ValueError(f"{path}: no column {' or '.join(_TEMPERATURE)}")
    if errors := source.errors():
        raise ValueError(errors[0])
    order = np.argsort(times, kind="stable")
    return times[order], temperature[order]


@dataclass(frozen=True, slots=True, eq=False)
class _Source:
    """A table with the line that each row came from, and what was wrong with rows so far."""

    path: Path
    table: pa.Table
    lines: Int64s
    skipped: dict[int, str]
    refused: dict[int, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path, needed: tuple[str, ...]) -> Self:
        skipped: dict[int, str] = {}

        def skip(row: pyarrow.csv.InvalidRow) -> str:
            skipped[row.number] = f"{row.actual_columns} columns instead of {row.expected_columns}" if row.text else ""
            return "skip"

        try:
            table = pyarrow.parquet.read_table(path) if path.suffix == ".parquet" else _csv(path, skip)
        except (pa.ArrowInvalid, OSError, UnicodeDecodeError) as error:
            raise ValueError(f"{path}: cannot be read: {error}") from error
        missing = [name for name in needed if name not in table.column_names]
        if missing:
            raise ValueError(f"{path}: no column {', '.join(missing)}; it has {', '.join(table.column_names)}")
        if path.suffix == ".parquet":
            return cls(path, table, np.arange(1, table.num_rows + 1), {})
        lines = np.arange(2, table.num_rows + len(skipped) + 2)
        return cls(path, table, lines[~np.isin(lines, list(skipped))], {k: v for k, v in skipped.items() if v})

    def refuse(self, row: int, why: str) -> None:
        self.refused.setdefault(row, why)

    def errors(self) -> list[str]:
        """One line for each bad row, in the order of the file; many are cut short."""
        found = {**self.skipped, **{int(self.lines[row]): why for row, why in self.refused.items()}}
        texts = [f"{self.path}:{line}: {found[line]}" for line in sorted(found)]
        more = len(texts) - _SHOWN
        return texts if more <= 0 else [*texts[:_SHOWN], f"{self.path}: and {more} more bad rows"]

    def times(self) -> Int64s:
        """The timestamps; 0 where one is refused."""
        column = self.table.column("timestamp")
        if not pa.types.is_timestamp(column.type):
            column = _parsed(column.cast(pa.string()))
        if pa.types.is_timestamp(column.type):
            whole = column.cast(pa.timestamp("us", column.type.tz)).cast(pa.int64())
            for empty in np.flatnonzero(pc.is_null(whole).to_numpy()):
                self.refuse(int(empty), "timestamp is empty")
            return np.asarray(whole.fill_null(0).to_numpy(), np.int64)
        times = np.zeros(len(column), np.int64)
        for row, text in enumerate(column.to_pylist()):
            try:
                moment = datetime.fromisoformat(text or "")
            except ValueError:
                self.refuse(row, f"timestamp {text or ''!r} is not ISO 8601 such as 2026-01-31T13:00:00Z")
            else:
                times[row] = from_datetime(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
        return times

    def numbers(self, name: str) -> Floats:
        """A column of numbers; NaN where it is empty, not finite, or refused."""
        column = self.table.column(name)
        try:
            found = column.cast(pa.float64()).to_numpy()
        except pa.ArrowInvalid:
            found = np.full(len(column), np.nan)
            for row, text in enumerate(column.to_pylist()):
                try:
                    found[row] = float(text) if text is not None else np.nan
                except ValueError:
                    self.refuse(row, f"{name} {text!r} is no number; write 1234.5, or nothing if it is missing")
        return np.where(np.isfinite(found), found, np.nan)

    def temperature(self) -> Floats | None:
        return next((self.numbers(name) for name in _TEMPERATURE if name in self.table.column_names), None)


def _csv(path: Path, skip: Callable[[pyarrow.csv.InvalidRow], str]) -> pa.Table:
    """All columns as texts, so that one bad row does not decide the type of a column."""
    with pa.input_stream(path) as raw:  # undoes .gz
        header = raw.read(1 << 16).split(b"\n", 1)[0].decode("utf-8-sig").strip().split(",")
    return pyarrow.csv.read_csv(
        path,
        read_options=pyarrow.csv.ReadOptions(use_threads=False),
        parse_options=pyarrow.csv.ParseOptions(invalid_row_handler=skip, ignore_empty_lines=False),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types={name.strip('"'): pa.string() for name in header}, strings_can_be_null=True
        ),
    )


def _parsed(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """The timestamps if all texts are of one kind, with or without offset; else the texts."""
    for kind in (pa.timestamp("us", "UTC"), pa.timestamp("us")):
        try:
            return texts.cast(kind)
        except pa.ArrowInvalid:
            continue
    return texts
