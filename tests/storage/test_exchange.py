"""Files of readings: what cannot be one is named by its line, and stops nothing."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from metering.instant import parse
from metering.reading import Reading
from storage import exchange
from storage.exchange import COLUMNS, Problem

GOOD = "meter,active_power,2026-01-01T00:00:00Z,1.5,measured,"
READING = Reading("meter", "active_power", 1.5, parse("2026-01-01T00:00:00Z"))


def found(path: Path) -> dict[int, list[Reading] | str]:
    format_ = exchange.format_of(path)
    assert format_ is not None
    return {line: str(what) if isinstance(what, Problem) else what for line, what in exchange.readings(path, format_)}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (GOOD.replace("1.5", "nan"), "finite"),
        (GOOD.replace("1.5", "much"), "could not convert"),
        (GOOD.replace("Z", ""), "no UTC offset"),
        (GOOD.replace("measured", "good"), "unknown quality"),
        (GOOD.replace("meter", ""), "no device"),
        ("meter,active_power", "not enough values"),
        ('"' + "x" * 200_000 + '"' + GOOD, "field limit"),
    ],
)
def test_a_line_that_is_no_reading_is_named(tmp_path: Path, line: str, words: str) -> None:
    path = tmp_path / "readings.csv"
    path.write_text("\n".join([",".join(COLUMNS), GOOD, line, GOOD, ""]))
    read = found(path)
    assert read[2] == read[4] == [READING]
    assert words in str(read[3])


def test_cells_without_a_value_make_no_reading(tmp_path: Path) -> None:
    table = {
        "device": ["meter", "meter", None, "meter"],
        "quantity": ["active_power", "active_power", "active_power", "active_power"],
        "time": pa.array([datetime(2026, 1, 1, tzinfo=UTC)] * 3 + [None], pa.timestamp("us", tz="UTC")),
        "value": [1.5, None, 1.5, 1.5],
        "quality": ["measured"] * 4,
        "reason": ["", None, "", ""],
    }
    pq.write_table(pa.table(table), tmp_path / "readings.parquet")
    read = found(tmp_path / "readings.parquet")
    assert read[1] == [READING]
    assert all("no device, quantity, time or finite value" in str(read[row]) for row in (2, 3, 4))


def test_a_number_that_is_none_is_named_in_line_protocol(tmp_path: Path) -> None:
    path = tmp_path / "readings.txt"
    path.write_text("reading,device=meter active_power=1.5 1767225600000000\nreading,device=meter active_power=inf 1\n")
    read = found(path)
    assert read[1] == [READING]
    assert "finite" in str(read[2])


@pytest.mark.parametrize("head", [",".join(COLUMNS), "reading,device=meter active_power=1.5 1"])
def test_a_file_of_other_bytes_is_refused_whole(tmp_path: Path, head: str) -> None:
    path = tmp_path / "readings"
    path.write_bytes(head.encode() + b"\n\xff\xfe\n")
    with pytest.raises(Problem, match="no UTF-8 text"):
        found(path)
