"""The SQL of the embedded store."""

from collections.abc import Sequence

from metering.instant import Window
from metering.quality import Quality
from storage.protocol import Aggregate

NEWEST = """
SELECT series, arg_max(value, time_us), max(time_us), arg_max(quality, time_us), arg_max(reason, time_us)
FROM reading GROUP BY series
"""
INSERT_SERIES = "INSERT INTO series BY NAME SELECT * FROM given"
INSERT = "INSERT INTO reading BY NAME SELECT * FROM given"
INSERT_EVENTS = "INSERT OR REPLACE INTO event BY NAME SELECT * FROM given"
DELETE = """
DELETE FROM reading USING given
WHERE reading.series = given.series AND reading.time_us = given.time_us AND reading.time_us BETWEEN $first AND $last
"""
SAMPLES = """
SELECT series, time_us, value, quality FROM reading
WHERE series IN $series AND time_us >= $start AND time_us < $end
ORDER BY series, time_us
"""
AGGREGATE = """
SELECT series, (time_us - $origin) // $step * $step + $origin AS bucket_us, {value} AS value, max(quality) AS quality
FROM reading
WHERE series IN $series AND time_us >= $start AND time_us < $end
GROUP BY series, bucket_us
HAVING value IS NOT NULL
ORDER BY series, bucket_us
"""
TRUSTED = f"FILTER (quality <> {Quality.SUSPECT:d})"
VALUE = {
    Aggregate.MEAN: f"avg(value) {TRUSTED}",
    Aggregate.MIN: f"min(value) {TRUSTED}",
    Aggregate.MAX: f"max(value) {TRUSTED}",
    Aggregate.SUM: f"sum(value) {TRUSTED}",
    Aggregate.COUNT: "count(*)::DOUBLE",
    Aggregate.FIRST: f"arg_min(value, time_us) {TRUSTED}",
    Aggregate.LAST: f"arg_max(value, time_us) {TRUSTED}",
}
FLAGGED = """
SELECT device, quantity, value, time_us, quality, reason FROM reading JOIN series ON series = id
WHERE quality <> 0 AND time_us >= $start AND time_us < $end
ORDER BY time_us, device, quantity
"""
COUNT = "SELECT count(*) FROM reading WHERE time_us >= $start AND time_us < $end"
EVENTS = """
SELECT id, time_us, end_us, kind, severity, subject, building, title FROM event
WHERE time_us >= $start AND time_us < $end ORDER BY time_us, id
"""
READINGS = """
SELECT device, quantity, value, time_us, quality, reason FROM reading JOIN series ON series = id
WHERE series IN $series AND time_us >= $start AND time_us < $end
ORDER BY device, quantity, time_us
"""
_TOTALS = """
WITH wanted AS MATERIALIZED (SELECT unnest($series) AS series, unnest($names) AS name)
SELECT name, period, sum(total) FROM ({periods}) JOIN wanted USING (series) GROUP BY name, period
"""
_PERIOD = """
SELECT series, {number} AS period, sum(value) AS total FROM reading
WHERE quality <> {suspect} AND time_us >= {start} AND time_us < {end} GROUP BY series
"""


def totals(periods: Sequence[Window]) -> str:
    """Sums by group and period: a stretch of the file for each period, and by series first, so few rows are joined."""
    parts = (
        _PERIOD.format(number=number, suspect=int(Quality.SUSPECT), start=period.start_us, end=period.end_us)
        for number, period in enumerate(periods)
    )
    return _TOTALS.format(periods="UNION ALL".join(parts))
