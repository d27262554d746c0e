"""A device's past as readings."""

import msgspec
import numpy as np
import pytest

from device_sim.faults.scenario import Scenario
from device_sim.history import readings
from device_sim.town import Town
from metering.instant import DAY, HOUR, QUARTER_HOUR, SECOND, Window, parse
from metering.reading import Reading

START = parse("2026-11-01T00:00Z")
NOW = START + 2 * DAY + 7 * SECOND
SILENT = {"kind": "silent", "devices": ["school-water"], "begin": "-6h", "end": "-3h"}
TOWN = Town(1, START, Scenario.model_validate({"faults": [SILENT]}).place(NOW))
DEVICES = {device.id: device for device in TOWN.devices}


@pytest.mark.parametrize("id_", ["school-main", "school-pv", "school-room-101", "kita-gas"])
def test_readings_are_what_the_device_shows(id_: str) -> None:
    device = DEVICES[id_]
    found = readings(device, Window(START + SECOND, NOW), QUARTER_HOUR)
    times = np.arange(START + QUARTER_HOUR, NOW, QUARTER_HOUR)
    shown = device.at(times)
    assert len(found) == len(times) * len(device.quantities)
    for quantity in device.quantities:
        mine = [reading for reading in found if reading.quantity == quantity]
        assert [reading.time_us for reading in mine] == times.tolist()
        assert [reading.value for reading in mine] == shown[quantity].tolist()
    assert {reading.device for reading in found} == {id_}
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(found), type=list[Reading]) == found


@pytest.mark.parametrize(
    ("id_", "device_time"),
    [("school-main", False), ("school-server", True), ("school-water", True), ("kita-gas", False)],
)
def test_device_time_is_as_over_the_link(id_: str, device_time: bool) -> None:  # noqa: FBT001
    found = readings(DEVICES[id_], Window(START, START + HOUR), QUARTER_HOUR)
    assert {reading.device_time for reading in found} == {device_time}


def test_silence_leaves_no_readings() -> None:
    found = readings(DEVICES["school-water"], Window(NOW - 7 * HOUR, NOW), QUARTER_HOUR)
    quiet = Window(NOW - 6 * HOUR, NOW - 3 * HOUR)
    assert len(found) == 2 * 4 * 4
    assert not any(reading.time_us in quiet for reading in found)


def test_empty_and_impossible_windows() -> None:
    device = DEVICES["school-main"]
    assert readings(device, Window(START + SECOND, START + 2 * SECOND), QUARTER_HOUR) == []
    assert readings(device, Window(START, START), QUARTER_HOUR) == []
    with pytest.raises(ValueError, match="over 0"):
        readings(device, Window(START, NOW), 0)
