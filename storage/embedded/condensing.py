"""The table of condensed rows, and forgetting what they were made of. Every call may block, as `Database` says."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from metering.instant import Window
from storage.condensed import Level, Rows
from storage.embedded.database import Database

_COLUMNS = ("time_us", "count", "trusted", "total", "low", "high", "first", "first_us", "last", "last_us", "qualities")
_SELECT = """
SELECT series, time_us, count, trusted, total, low, high, first, first_us, last, last_us, qualities FROM condensed
WHERE level = $level AND series IN $series AND time_us >= $start AND time_us < $end ORDER BY series, time_us
"""
_DELETE = """
DELETE FROM condensed USING given
WHERE condensed.level = given.level AND condensed.series = given.series AND condensed.time_us = given.time_us
"""
_INSERT = "INSERT INTO condensed BY NAME SELECT * FROM given"
_UNTIL = "SELECT max(time_us) FROM condensed WHERE level = $level"
_OLDEST = """
SELECT min(time_us) FROM {table} WHERE series IN $series AND time_us >= $start AND time_us < $end {more}
"""
_FORGET = """
DELETE FROM reading USING given
WHERE reading.series = given.series AND time_us >= $start AND time_us < $end AND time_us <> given.newest_us
"""
_FORGET_ROWS = """
DELETE FROM condensed USING given
WHERE level = $level AND condensed.series = given.series AND time_us >= $start AND time_us < $end
"""


class CondensedTable:
    """Series are known by their ids here."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def rows(self, level: Level, series: Sequence[int], window: Window) -> dict[int, Rows]:
        """Only of series that have rows."""
        columns = self._database.columns(
            _SELECT, level=level.value, series=list(series), start=window.start_us, end=window.end_us
        )
        which, *values = columns.values()
        present, starts = np.unique(which, return_index=True)
        parts = map(slice, starts, np.append(starts[1:], len(which)))
        return {
            id_: Rows(*(column[part] for column in values)) for id_, part in zip(present.tolist(), parts, strict=True)
        }

    def write(self, level: Level, rows: Mapping[int, Rows]) -> None:
        tables = [
            pa.table(
                {
                    "level": pa.repeat(level.value, len(part)),
                    "series": pa.array(np.full(len(part), id_, np.int32)),
                    **{name: getattr(part, _FIELDS.get(name, name)) for name in _COLUMNS},
                }
            )
            for id_, part in rows.items()
            if len(part)
        ]
        if tables:
            given = pa.concat_tables(tables)
            with self._database.transaction() as transaction:
                transaction.execute(_DELETE, given)
                transaction.execute(_INSERT, given)

    def until(self, level: Level) -> int | None:
        ((newest,),) = self._database.rows(_UNTIL, level=level.value)
        return None if newest is None else int(newest)

    def oldest(self, level: Level | None, series: Sequence[int], window: Window) -> int | None:
        table, more = ("reading", "") if level is None else ("condensed", f"AND level = '{level.value}'")
        ((oldest,),) = self._database.rows(
            _OLDEST.format(table=table, more=more), series=list(series), start=window.start_us, end=window.end_us
        )
        return None if oldest is None else int(oldest)

    def forget(self, level: Level | None, newest_us: Mapping[int, int], window: Window) -> None:
        """``newest_us`` are the times of the newest reading of each series, which stay."""
        given = pa.table({"series": pa.array(newest_us.keys(), pa.int32()), "newest_us": pa.array(newest_us.values())})
        bounds = {"start": window.start_us, "end": window.end_us}
        with self._database.transaction() as transaction:
            if level is None:
                transaction.execute(_FORGET, given, **bounds)
            else:
                transaction.execute(_FORGET_ROWS, given, level=level.value, **bounds)


_FIELDS = {"time_us": "times_us"}
