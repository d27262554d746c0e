"""Anomalies in files: the formats, what is said of bad rows, and that neither workers nor the future matter."""

import csv
import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from analytics.anomaly.detect_file import DetectOptions, detect_file
from analytics.anomaly.seriesfile import read
from metering.estate import Carrier
from metering.instant import HOUR, isoformat, parse

START = parse("2026-01-05T00:00:00Z")
HOURS = 50 * 24


def values(name: str) -> list[float]:
    rng = np.random.default_rng(len(name))
    hour = np.arange(HOURS) % 24
    made = 10 + 5 * (hour > 7) + rng.normal(0, 0.3, HOURS)
    made[45 * 24 + 3] = 300.0
    return [round(float(value), 3) for value in made]


def rows(*names: str, hours: int = HOURS) -> list[tuple[str, str, str]]:
    return [
        (name, isoformat(START + n * HOUR), str(value))
        for name in names
        for n, value in enumerate(values(name)[:hours])
    ]


def write_csv(path: Path, content: list[tuple[str, str, str]]) -> Path:
    text = "series_id,timestamp,value\n" + "".join(",".join(row) + "\n" for row in content)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def read_csv(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        return list(csv.DictReader(file))


def test_each_interval_is_scored_and_the_spike_is_told(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "in.csv", rows("a", "bb"))
    seen: list[tuple[int, int]] = []
    result = detect_file(source, tmp_path / "out.csv", workers=1, progress=lambda *done: seen.append(done))
    out = read_csv(tmp_path / "out.csv")
    assert list(out[0]) == ["series_id", "timestamp", "score", "is_alert", "kind", "expected", "lower", "upper"]
    assert (result.series, result.rows, result.errors, seen) == (2, 2 * HOURS, [], [(1, 2), (2, 2)])
    assert [(row["series_id"], row["timestamp"]) for row in out] == [row[:2] for row in rows("a", "bb")]
    spike = out[45 * 24 + 3]
    assert (spike["is_alert"], spike["kind"]) == ("1", "spike")
    assert float(spike["lower"]) <= float(spike["expected"]) <= float(spike["upper"]) < 300
    assert sum(row["is_alert"] == "1" for row in out) == result.alert_rows


def test_bytes_depend_on_the_content_alone(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "in.csv", rows("a", "bb", "ccc"))
    for workers in (1, 2):
        detect_file(source, tmp_path / f"{workers}.csv", workers=workers)
    assert (tmp_path / "1.csv").read_bytes() == (tmp_path / "2.csv").read_bytes()


def test_what_comes_later_changes_nothing_before(tmp_path: Path) -> None:
    for name, hours in (("whole", HOURS), ("part", 30 * 24 + 5)):
        source = write_csv(tmp_path / f"{name}.csv.gz", rows("a", hours=hours))
        detect_file(source, tmp_path / f"{name}-out.csv.gz", workers=1)
    part = read_csv(tmp_path / "part-out.csv.gz")
    assert part == read_csv(tmp_path / "whole-out.csv.gz")[: len(part)]


def test_parquet_says_the_same_as_csv(tmp_path: Path) -> None:
    ids, stamps, numbers = zip(*rows("a"), strict=True)
    times = pa.array([parse(stamp) for stamp in stamps], pa.timestamp("us", "UTC"))
    table = pa.table({"series_id": ids, "timestamp": times, "value": [float(number) for number in numbers]})
    pa.parquet.write_table(table, tmp_path / "in.parquet")
    for source in (tmp_path / "in.parquet", write_csv(tmp_path / "in.csv", rows("a"))):
        detect_file(source, tmp_path / f"{source.suffix}.out", workers=1)
    assert (tmp_path / ".parquet.out").read_bytes() == (tmp_path / ".csv.out").read_bytes()


def test_bad_rows_are_named_with_their_line_and_the_others_go_on(tmp_path: Path) -> None:
    good = rows("a")
    source = write_csv(
        tmp_path / "in.csv",
        [
            *good[:1],
            ("a", "yesterday", "1"),  # line 3
            ("a", good[2][1], "1,5"),  # line 4: a decimal comma makes a column too many
            ("a", good[3][1], "much"),  # line 5
            ("", good[4][1], "1"),  # line 6
            *good[1:],
            ("lonely", good[0][1], "1"),
        ],
    )
    result = detect_file(source, tmp_path / "out.csv", workers=1)
    said = "\n".join(result.errors)
    for line, what in [(3, "yesterday"), (4, "4 columns"), (5, "'much'"), (6, "series_id is empty")]:
        assert any(error.startswith(f"{source}:{line}: ") and what in error for error in result.errors), said
    assert "'lonely'" in said
    assert len(read_csv(tmp_path / "out.csv")) == HOURS


def test_absent_rows_are_missing_and_become_a_gap(tmp_path: Path) -> None:
    content = rows("a")
    del content[40 * 24 : 40 * 24 + 5]
    detect_file(write_csv(tmp_path / "in.csv", content), tmp_path / "out.csv", workers=1)
    out = read_csv(tmp_path / "out.csv")
    assert len(out) == HOURS
    assert out[40 * 24 + 2]["timestamp"] == isoformat(START + (40 * 24 + 2) * HOUR)
    assert {row["kind"] for row in out[40 * 24 : 40 * 24 + 5]} == {"gap"}


def test_naive_times_are_utc_and_of_two_rows_the_later_counts(tmp_path: Path) -> None:
    source = write_csv(
        tmp_path / "in.csv",
        [("a", "2026-01-05T01:00:00", "1"), ("a", "2026-01-05 00:00:00", "2"), ("a", "2026-01-05T01:00:00", "3")],
    )
    (series,) = read(source).series
    assert series.times_us.tolist() == [START, START + HOUR]
    assert series.values.tolist() == [2.0, 3.0]


def test_a_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("time,kwh\n2026-01-01,1\n")
    with pytest.raises(ValueError, match=r"wrong\.csv: no column series_id, timestamp, value; it has time, kwh"):
        detect_file(wrong, tmp_path / "out.csv")
    with pytest.raises(ValueError, match=r"absent\.csv"):
        detect_file(tmp_path / "absent.csv", tmp_path / "out.csv")


def test_weather_and_carrier_are_taken_from_the_options(tmp_path: Path) -> None:
    weather = tmp_path / "weather.csv"
    stamps = [f"{isoformat(START + n * HOUR)},{8 - n / 100}" for n in range(HOURS)]
    weather.write_text("timestamp,temperature\n" + "\n".join(stamps) + "\n")
    source = write_csv(tmp_path / "in.csv", rows("a"))
    options = DetectOptions(weather=weather, carrier=Carrier.HEAT, step_us=HOUR)
    assert detect_file(source, tmp_path / "with.csv", options, workers=1).errors == []
    detect_file(source, tmp_path / "without.csv", workers=1)
    assert (tmp_path / "with.csv").read_bytes() != (tmp_path / "without.csv").read_bytes()
