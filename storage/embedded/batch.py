"""A batch of readings as columns, sorted by series and time, each identity once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from metering.reading import Reading
from storage.protocol import StoreRefused


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows ready to be inserted; of readings with one identity the last one remains.

    rows     columns series (id), time_us, value, quality, reason; ascending by series and time
    new      ids for the pairs of device and quantity that had none
    newest   the newest reading of each series, by id, ascending
    lengths  how many rows each of those series has
    """

    rows: pa.Table
    new: dict[tuple[str, str], int]
    newest: dict[int, Reading]
    lengths: NDArray[np.intp]

    @classmethod
    def of(cls, readings: Sequence[Reading], known: Mapping[tuple[str, str], int]) -> "Batch":
        """Sort and reduce at least one reading. ``known`` are the ids given so far, counting up from 0.

        Raises StoreRefused for a value that is not finite and for a time beyond 64 bits.
        """
        keys = [(reading.device, reading.quantity) for reading in readings]
        unknown = sorted(set(keys).difference(known))
        new = {key: id_ for id_, key in enumerate(unknown, len(known))}
        ids = {**known, **new} if new else known
        series = np.array([ids[key] for key in keys], np.int32)
        value = np.array([reading.value for reading in readings], np.float64)
        if not np.isfinite(value).all():
            raise StoreRefused(f"not a finite value: {readings[int(np.argmin(np.isfinite(value)))]}")
        try:
            time_us = np.array([reading.time_us for reading in readings], np.int64)
        except OverflowError:
            raise StoreRefused("a reading's time does not fit into 64 bits of microseconds") from None
        quality = np.fromiter((reading.quality for reading in readings), np.int8, len(readings))
        reason = pa.array([reading.reason for reading in readings], pa.string())

        order = np.lexsort((time_us, series))
        series, time_us = series[order], time_us[order]
        other_series = series[1:] != series[:-1]
        remains = np.append(other_series | (time_us[1:] != time_us[:-1]), True)
        order, series, time_us = order[remains], series[remains], time_us[remains]
        ends = np.flatnonzero(np.append(series[1:] != series[:-1], True))
        rows = {
            "series": series,
            "time_us": time_us,
            "value": value[order],
            "quality": quality[order],
            "reason": reason.take(pa.array(order)),
        }
        newest = {id_: readings[at] for id_, at in zip(series[ends].tolist(), order[ends].tolist(), strict=True)}
        return cls(pa.table(rows), new, newest, np.diff(ends, prepend=-1))

    def not_newer_than(self, newest_us: Sequence[int]) -> pa.Table:
        """The rows whose time is not past the one given for their series; one time for each of ``newest``."""
        bounds = np.repeat(np.array(newest_us, np.int64), self.lengths)
        return self.rows.filter(pa.array(self.rows["time_us"].to_numpy() <= bounds))
