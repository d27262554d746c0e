"""Answers of ``/query`` as columns, in whichever way the version tells the groups apart."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from storage.influxdb.failures import of_statement
from storage.protocol import StoreRefused

Cell = int | float | str | bool | None


class Rows(NamedTuple):
    """The rows of one group: ``tags`` are its values of the tags grouped by, ``columns`` one list for each name."""

    measurement: str
    tags: tuple[str, ...]
    columns: dict[str, list[Cell]]


class _Series(msgspec.Struct):
    columns: list[str]
    name: str = ""
    tags: dict[str, str | None] = {}
    values: list[list[Cell]] = []
    partial: bool = False


class _Result(msgspec.Struct):
    series: list[_Series] = []
    error: str = ""


class _Answer(msgspec.Struct):
    results: list[_Result] = []
    error: str = ""


_decoder = msgspec.json.Decoder(_Answer)


def decode(body: bytes, group_by: Sequence[str] = ()) -> list[Rows]:
    """The groups of an answer, which may come in chunks, a line of JSON each.

    Raises StoreRefused for an answer cut short or not understood, and what `of_statement` says of a failed statement.
    """
    try:
        chunks = _decoder.decode_lines(body)
    except msgspec.DecodeError as error:
        raise StoreRefused(f"not an answer of InfluxDB: {error}: {body[:200]!r}") from error
    whole: list[_Series] = []
    for chunk in chunks:
        for result in [_Result(error=chunk.error), *chunk.results]:
            if result.error:
                raise of_statement(result.error)
            for series in result.series:
                _append(whole, series)
    if any(series.partial for series in whole):
        raise StoreRefused("InfluxDB cut the answer short; raise its setting max-row-limit")
    return [rows for series in whole for rows in _groups(series, group_by)]


def _append(whole: list[_Series], series: _Series) -> None:
    """Add a series, or the next rows of the last one if that was not whole yet."""
    last = whole[-1] if whole else None
    if last is not None and last.partial and (last.name, last.tags) == (series.name, series.tags):
        last.values += series.values
        last.partial = series.partial
    else:
        whole.append(series)


def _groups(series: _Series, group_by: Sequence[str]) -> list[Rows]:
    if all(tag in series.tags for tag in group_by):
        tags = tuple(series.tags[tag] or "" for tag in group_by)
        return [Rows(series.name, tags, _transposed(series.columns, series.values))]
    # The first releases of InfluxDB 3 give the tags as columns of a single series.
    at = [series.columns.index(tag) for tag in group_by]
    found: dict[tuple[str, ...], list[list[Cell]]] = {}
    for row in series.values:
        found.setdefault(tuple(str(row[column] or "") for column in at), []).append(row)
    return [Rows(series.name, tags, _transposed(series.columns, rows)) for tags, rows in found.items()]


def _transposed(names: list[str], rows: list[list[Cell]]) -> dict[str, list[Cell]]:
    return {name: [row[n] for row in rows] for n, name in enumerate(names)}
