"""Which devices are heard, as time passes."""

from gateway.device_state import Devices
from gateway.status import DeviceState, DeviceStatus
from metering.estate import Device
from metering.instant import SECOND
from tests.gateway.parts import START_US, reading


def at(seconds: float) -> int:
    return START_US + round(seconds * SECOND)


def meter(devices: Devices, seconds: float) -> DeviceStatus:
    status = devices.status(at(seconds))[0]
    assert devices.counts(at(seconds))[status.state] == 1
    return status


def test_a_device_is_online_late_silent_and_online_again() -> None:
    devices = Devices({"meter": Device("meter", "Meter", 10.0)}, at(0))
    assert (meter(devices, 1).state, meter(devices, 1).since_us) == (DeviceState.LATE, at(0))
    assert (meter(devices, 101).state, meter(devices, 101).since_us) == (DeviceState.SILENT, at(0))
    for second in (110, 120, 141):
        devices.heard([reading(second)], at(second))
    assert (meter(devices, 142).state, meter(devices, 142).since_us) == (DeviceState.ONLINE, at(110))
    assert (meter(devices, 167).state, meter(devices, 167).since_us) == (DeviceState.LATE, at(166))
    assert (meter(devices, 242).state, meter(devices, 242).since_us) == (DeviceState.SILENT, at(141))
    devices.heard([reading(7), reading(5)], at(250))  # older than what came before: it is heard all the same
    now = meter(devices, 251)
    assert (now.state, now.since_us, now.heard_us) == (DeviceState.ONLINE, at(250), at(250))
    assert (now.readings, now.reading_us) == (5, reading(141).time_us)


def test_the_newest_reading_of_a_batch_counts_in_whatever_order_they_come() -> None:
    devices = Devices({id_: Device(id_, id_, 10.0) for id_ in ("meter", "other")}, at(0))
    devices.heard([reading(9), reading(8, "other"), reading(5), reading(3, "other")], at(1))
    assert [status.reading_us for status in devices.status(at(1))] == [reading(9).time_us, reading(8).time_us]


def test_failures_are_counted_with_the_newest_reason() -> None:
    devices = Devices({"meter": Device("meter", "Meter", 10.0)}, at(0))
    devices.failed("meter", "no answer", at(1))
    devices.failed("meter", "exception 2", at(2))
    devices.failed("stranger", "passed over", at(3))
    status = meter(devices, 3)
    assert (status.failures, status.failed_us, status.error) == (2, at(2), "exception 2")


def test_devices_read_every_second_or_day_have_fitting_patience() -> None:
    devices = Devices({"meter": Device("meter", "Meter", 1.0)}, at(0))
    devices.heard([reading(1)], at(0))
    assert [meter(devices, s).state for s in (5, 7, 59, 61)] == [
        DeviceState.ONLINE,
        DeviceState.LATE,
        DeviceState.LATE,
        DeviceState.SILENT,
    ]
    daily = Devices({"meter": Device("meter", "Meter", 86_400.0)}, at(0))
    daily.heard([reading(1)], at(0))
    assert meter(daily, 2 * 86_400).state is DeviceState.ONLINE
