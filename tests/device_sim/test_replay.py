"""Measured profiles become registers that count them exactly."""

import csv
import gzip
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_sim.device import ModbusLink, MqttLink
from device_sim.history import readings
from device_sim.replay import Replay, ReplayDevice, load_replay
from metering.instant import HOUR, MINUTE, QUARTER_HOUR, Window, isoformat, parse
from metering.samples import Floats

REAL = Path(__file__).parents[2] / ".." / "shared" / "data" / "anomaly" / "dev" / "test_clean.csv.gz"
START = parse("2026-03-29T00:00:00Z")


def write(path: Path, rows: list[str], header: str = "timestamp,value") -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", "utf-8")
    return path


def grid(values: list[str], step_us: int = QUARTER_HOUR) -> list[str]:
    return [f"{isoformat(START + number * step_us)},{value}" for number, value in enumerate(values)]


def register(device: ReplayDevice, *times: int) -> Floats:
    return device.at(np.array(times))[device.register]


VALUES = st.lists(
    st.one_of(st.just(""), st.decimals(0, 500, places=4, allow_nan=False).map(str)), min_size=2, max_size=60
)


@settings(max_examples=60, deadline=None)
@given(values=VALUES, ends=st.tuples(st.integers(0, 60), st.integers(0, 60)))
def test_a_register_counts_to_the_digit(
    tmp_path_factory: pytest.TempPathFactory, values: list[str], ends: tuple[int, int]
) -> None:
    file = write(tmp_path_factory.mktemp("replay") / "house.csv", grid(values))
    [device] = load_replay(file, "eastron/sdm630").devices
    first, last = (min(end, len(values)) for end in sorted(ends))
    readings = register(device, START + first * QUARTER_HOUR, START + last * QUARTER_HOUR)
    expected = sum((Decimal(value) for value in values[first:last] if value), Decimal(0))
    assert Decimal(repr(readings[1].item())) - Decimal(repr(readings[0].item())) == expected


def test_between_the_instants_the_register_rises_evenly(tmp_path: Path) -> None:
    replay = load_replay(write(tmp_path / "a.csv", grid(["1.2", "", "0.6"])), "eastron/sdm630")
    [device] = replay.devices
    assert replay.window == device.window == Window(START, START + 3 * QUARTER_HOUR)
    times = np.array([-1, 0, 5, 10, 15, 20, 30, 40, 45, 60]) * MINUTE + START
    shown = device.at(times)
    nan = float("nan")
    np.testing.assert_array_equal(shown["active_energy_import"], [0.0, 0.0, 0.4, 0.8, 1.2, 1.2, 1.2, 1.6, 1.8, 1.8])
    np.testing.assert_array_equal(shown["active_power"], [nan, 4800, 4800, 4800, nan, nan, 2400, 2400, nan, nan])
    assert [reading.value for reading in readings(device, device.window, QUARTER_HOUR)] == [4800, 2400, 0, 1.2, 1.2]


def test_litres_become_cubic_metres(tmp_path: Path) -> None:
    file = write(tmp_path / "water.csv", grid(["12.5", "0", "7"], HOUR))
    [device] = load_replay(file, "dynaflox/ultrad", unit="l").devices
    assert device.quantities == ("volume_flow", "water_volume")
    shown = device.at(np.array([START, START + HOUR, START + 3 * HOUR]))
    assert shown["water_volume"].tolist() == [0.0, 0.0125, 0.0195]
    assert shown["volume_flow"].tolist()[:2] == [0.0125, 0.0]


def test_many_series_are_many_devices(tmp_path: Path) -> None:
    rows = [f"{name},{row}" for row in grid(["1", "2", "3"]) for name in ("house 1", "house/2", "--")]
    file = tmp_path / "many.csv.gz"
    with gzip.open(file, "wt", encoding="utf-8") as packed:
        packed.write("series_id,timestamp,value\n" + "\n".join(rows) + "\n")
    devices = load_replay(file, "eastron/sdm120").devices
    assert [device.id for device in devices] == ["house-1", "house-2", "replay"]
    assert [device.link for device in devices] == [ModbusLink("replay", unit, "eastron/sdm120") for unit in (1, 2, 3)]
    assert isinstance(load_replay(file, "tasmota/sml", interval_s=5).devices[0].link, MqttLink)


def test_a_counter_that_was_reset_falls_but_never_below_zero(tmp_path: Path) -> None:
    [device] = load_replay(write(tmp_path / "a.csv", grid(["5", "-7.5", "1"])), "eastron/sdm630").devices
    assert register(device, *(START + n * QUARTER_HOUR for n in range(4))).tolist() == [2.5, 7.5, 0.0, 1.0]


def test_semicolons_and_decimal_commas(tmp_path: Path) -> None:
    rows = [row.replace(",", ";").replace(".", ",") for row in grid(["1.25", "2.5"])]
    file = write(tmp_path / "export.csv", rows, "timestamp;value")
    assert register(load_replay(file, "eastron/sdm630").devices[0], START + 2 * QUARTER_HOUR) == 3.75


def test_what_is_wrong_is_said_with_its_line_and_stops_nothing_else(tmp_path: Path) -> None:
    file = write(
        tmp_path / "bad.csv",
        [
            "good,2026-01-01T00:00:00Z,1",
            "good,2026-01-01T01:00:00Z,one",
            "good,2026-01-01T02:00:00,2",
            "good,2026-01-01T02:00:00Z,2",
            "good,2026-01-01T01:30:00Z,2",
            "good,2026-01-01T03:00:00Z",
            "",
            "good,2026-01-01T03:00:00Z,inf",
            "lonely,2026-01-01T00:00:00Z,1",
            "ragged,2026-01-01T00:00:00Z,1",
            "ragged,2026-01-01T01:00:00Z,1",
            "ragged,2026-01-01T02:30:00Z,1",
        ],
        "series_id,timestamp,value",
    )
    replay = load_replay(file, "eastron/sdm630")
    assert [device.id for device in replay.devices] == ["good"]
    said = [problem.removeprefix(f"{file}:") for problem in replay.problems]
    assert [line.partition(":")[0] for line in said] == ["3", "4", "6", "7", "9", "10", "11"]
    assert "'one' is no number; it counts as lost" in said[0]
    assert "no ISO 8601 time with an offset" in said[1]
    assert "not later than the row before" in said[2]
    assert "2 columns instead of 3" in said[3]
    assert "one reading alone" in said[5]
    assert "not all of its readings are 3600 s apart" in said[6]
    assert register(replay.devices[0], parse("2026-01-01T05:00Z")) == 3.0


@pytest.mark.parametrize(
    ("template", "unit", "error", "message"),
    [
        ("eastron/sdm630", "l", ValueError, "no register in m³"),
        ("eastron/sdm630", "MJ", ValueError, "no exact registers"),
        ("eastron/sdm999", "kWh", LookupError, "unknown device model 'eastron/sdm999'"),
        ("eastron/sdm630", "kWH", LookupError, "unknown unit"),
        ("eastron/sdm630", "kWh", ValueError, "no series can be replayed"),
    ],
)
def test_options_that_cannot_work(
    tmp_path: Path, template: str, unit: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        load_replay(write(tmp_path / "a.csv", []), template, unit=unit)


def test_a_file_without_the_columns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a\.csv:1: no column timestamp; the first line has 'time,value'"):
        load_replay(write(tmp_path / "a.csv", [], "time,value"), "eastron/sdm630")


@pytest.fixture(scope="module")
def real() -> Replay:
    if not REAL.exists():
        pytest.skip("the measured profiles (../shared/data/anomaly/dev/test_clean.csv.gz) are not here")
    return load_replay(REAL, "eastron/sdm630")


def test_real_profiles_are_counted_to_the_digit(real: Replay) -> None:
    """Whole series, and each of their days."""
    sums: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    with gzip.open(REAL, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["value"]:
                sums[row["series_id"]][row["timestamp"][:10]] += Decimal(row["value"])
    assert len(real.devices) == len(sums) == 31
    assert real.problems == ()
    for device in real.devices:
        days = sums[device.id]
        begin, end = register(device, device.window.start_us, device.window.end_us)
        assert Decimal(repr(end.item())) - Decimal(repr(begin.item())) == sum(days.values())
        midnights = [parse(f"{day}T00:00Z") for day in sorted(days)]
        readings = [Decimal(repr(value)) for value in register(device, *midnights).tolist()]
        for day, midnight, following, earlier, later in zip(
            sorted(days), midnights, midnights[1:], readings, readings[1:], strict=False
        ):
            if following - midnight == 24 * HOUR and midnight >= device.window.start_us:
                assert later - earlier == days[day], (device.id, day)
