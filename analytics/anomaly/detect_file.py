"""Anomalies in a file of interval series, as `leitwarte detect` finds them: the same detector as on live meters.

series_id,timestamp,value[,temperature]  →  series_id,timestamp,score,is_alert,kind,expected,lower,upper
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from analytics.anomaly.classifier import SHIPPED, classifier
from analytics.anomaly.curve import LoadCurve
from analytics.anomaly.detector import Scores, told
from analytics.anomaly.history import score
from analytics.anomaly.naming import KINDS
from analytics.anomaly.seriesfile import SeriesRows, read, read_weather
from analytics.anomaly.week import Week
from analytics.workers import worker_pool
from metering.estate import Carrier
from metering.instant import HOUR, SECOND
from metering.samples import Floats, Int64s

_MOST_INTERVALS = 5_000_000
_STALE_US = 3 * HOUR


@dataclass(frozen=True, slots=True)
class DetectOptions:
    """How to read and judge the series.

    weather       file of outdoor temperatures (timestamp, temperature) for the series that have none of their own
    carrier       what all series measure, if they measure the same; decides what a lasting minimum is called
    step_us       length of an interval, µs; None: the most frequent distance between timestamps, for each series
    alarm_budget  false alarms per series and month that are acceptable
    week          the local week: time zone and public holidays
    model         file of a classifier trained on own meters (`training`), instead of the one that comes along
    """

    weather: Path | None = None
    carrier: Carrier | None = None
    step_us: int | None = None
    alarm_budget: float = 0.25
    week: Week = field(default_factory=Week)
    model: Path | None = None


@dataclass(frozen=True, slots=True)
class Detected:
    """What was done: series and rows read, rows told as alerts, and what could not be used (file, line, why)."""

    series: int
    rows: int
    alert_rows: int
    errors: list[str]


def detect_file(
    source: Path,
    out: Path,
    options: DetectOptions | None = None,
    *,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Detected:
    """Score every interval of every series in ``source`` and write CSV (gzipped if ``out`` ends in .gz).

    Causal: a row's score uses rows up to it. Deterministic: the same input gives the same bytes, whatever ``workers``
    (processes; default one per core). Intervals without a row are written too: as missing. ``is_alert`` is 1 on the
    first day of an alert and then 0: an alert is told once, and again when it becomes four times rarer or a rule finds
    something else in it (`detector.told`). ``progress`` is called with series done and series in all.

    Bad rows are left out and named in the result. Raises ValueError if a file as a whole cannot be used.
    """
    options = options or DetectOptions()
    content = read(source)
    outdoor = read_weather(options.weather) if options.weather else None
    errors = list(content.errors)
    tasks = []
    for series in content.series:
        try:
            tasks.append(on_grid(series, options.step_us, outdoor))
        except ValueError as error:
            errors.append(f"{source}: series {series.series_id!r}: {error}")
    judged = partial(_judged, options)
    alert_rows = 0
    out.parent.mkdir(parents=True, exist_ok=True)
    with pa.output_stream(out) as sink, pyarrow.csv.CSVWriter(sink, _SCHEMA) as writer, worker_pool(workers) as pool:
        for done, table in enumerate(pool.map(judged, tasks), start=1):
            writer.write_table(table)
            alert_rows += pa.compute.sum(table.column("is_alert")).as_py() or 0
            if progress:
                progress(done, len(tasks))
    return Detected(len(tasks), content.rows, alert_rows, errors)


_SCHEMA = pa.schema(
    [
        ("series_id", pa.string()),
        ("timestamp", pa.string()),
        ("score", pa.float64()),
        ("is_alert", pa.int8()),
        ("kind", pa.string()),
        ("expected", pa.float64()),
        ("lower", pa.float64()),
        ("upper", pa.float64()),
    ]
)


@dataclass(frozen=True, slots=True, eq=False)
class SeriesCurve:
    """One series on its grid."""

    series_id: str
    times_us: Int64s  # as written in the file, or the regular time where a row is absent
    curve: LoadCurve


def on_grid(series: SeriesRows, step_us: int | None, outdoor: tuple[Int64s, Floats] | None) -> SeriesCurve:
    """The rows on a regular grid. Raises ValueError if they have none."""
    times = series.times_us
    if step_us is None:
        if len(times) < 2:
            raise ValueError("one row shows no interval length; name it")
        distances, counts = np.unique(np.diff(times), return_counts=True)
        step_us = int(distances[counts.argmax()])
    slot = (times - times[0] + step_us // 2) // step_us
    count = int(slot[-1]) + 1
    if count > _MOST_INTERVALS:
        raise ValueError(f"{count} intervals of {step_us / SECOND:g} s from first to last timestamp; is one wrong?")
    grid = times[0] + np.arange(count) * step_us
    values, temperature = np.full(count, np.nan), None
    values[slot] = series.values
    if series.temperature is not None:
        temperature = np.full(count, np.nan)
        temperature[slot] = series.temperature
    elif outdoor is not None:
        temperature = latest_known(*outdoor, grid)
    written = grid.copy()
    written[slot] = times
    return SeriesCurve(series.series_id, written, LoadCurve(grid, step_us, values, temperature))


def latest_known(times_us: Int64s, values: Floats, at_us: Int64s) -> Floats:
    """The newest value that is at most three hours old at each instant, NaN where there is none."""
    if not len(times_us):
        return np.full(len(at_us), np.nan)
    index = np.searchsorted(times_us, at_us, side="right") - 1
    fresh = (index >= 0) & (at_us - times_us[np.maximum(index, 0)] <= _STALE_US)
    return np.where(fresh, values[np.maximum(index, 0)], np.nan)


def _judged(options: DetectOptions, task: SeriesCurve) -> pa.Table:
    scores = score(options.week, task.curve, options.carrier, classifier(options.model or SHIPPED))
    alert = told(scores, task.curve.step_us, options.alarm_budget)
    return _table(task, scores, alert.astype(np.int8))


def _table(task: SeriesCurve, scores: Scores, alert: np.ndarray[tuple[int], np.dtype[np.int8]]) -> pa.Table:
    whole = not np.any(task.times_us % SECOND)
    stamps = np.datetime_as_string(task.times_us.astype("datetime64[us]"), unit="s" if whole else "us")
    return pa.table(
        {
            "series_id": pa.array([task.series_id] * len(scores), pa.string()),
            "timestamp": pa.array([f"{stamp}Z" for stamp in stamps], pa.string()),
            "score": np.round(scores.score, 6),
            "is_alert": alert,
            "kind": pa.array([KINDS[kind] for kind in scores.kinds], pa.string()),
            **{
                name: pa.array(np.round(getattr(scores, name), 6), from_pandas=True)  # NaN becomes empty
                for name in ("expected", "lower", "upper")
            },
        },
        schema=_SCHEMA,
    )
