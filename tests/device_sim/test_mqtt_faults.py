"""Everything that can go wrong with a message, at once: the devices that are well lose nothing by it.

One run serves all tests: each fault has a device of its own in each of two formats, among devices that are well.
"""

import asyncio
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import pytest

from collectors.mqtt.collector import MqttCollector
from collectors.mqtt.settings import MqttSettings
from device_sim.device import MqttLink, SimDevice
from device_sim.faults.showing import RegisterReset, Spoiled, Stuck
from device_sim.misspeaking import MqttFault, Spell
from device_sim.mqtt.faults import DEEP, HUGE, Spoiler
from device_sim.mqtt.outgoing import Outgoing
from device_sim.mqtt.town import MqttTown
from metering.clock import Clock
from metering.instant import DAY, MINUTE, SECOND, Window, parse
from metering.reading import Reading
from metering.samples import Floats, Int64s
from tests import servers
from tests.collectors.mqtt.recording import RecordingSink
from tests.patience import PATIENCE_S

START = parse("2026-01-05T08:00:00Z")
MESSAGES = 15
"""Each device that is well says at least as many."""
ALWAYS = Window(START - DAY, START + DAY)
FORMATS = {
    "json": {
        "time": {"pointer": "/t", "format": "unix_ms"},
        "values": [{"pointer": "/kwh", "quantity": "active_energy_import", "unit": "kWh"}],
    },
    "zigbee2mqtt": {},
}
SPOILS_THE_PAYLOAD = set(MqttFault) - {
    MqttFault.SILENT,
    MqttFault.DUPLICATE,
    MqttFault.OUT_OF_ORDER,
    MqttFault.RETAINED,
}


class Counting:
    """A meter: 1 kWh each second."""

    quantities = ("active_energy_import",)

    def __init__(self, id_: str, form: str, fault: MqttFault | None = None) -> None:
        self.id = id_
        spells = () if fault is None else (Spell(ALWAYS, fault),)
        self.link = MqttLink(form, f"town/{id_}", 10.0, FORMATS[form], spells)

    def at(self, times_us: Int64s) -> dict[str, Floats]:
        return {"active_energy_import": (times_us - START) / SECOND + 1000}


class Run(NamedTuple):
    """``ledger`` has what the broker acknowledged, ``again`` what a second collector hears that comes afterwards."""

    ledger: Mapping[tuple[str, int], float]
    sink: RecordingSink
    again: RecordingSink

    def readings(self, device: str) -> list[Reading]:
        return [reading for reading in self.sink.readings if reading.device == device]


def name(form: str, fault: MqttFault) -> str:
    return f"{form}-{fault}"


WELL = [Counting(f"{form}-{n}", form) for form in FORMATS for n in range(5)]
BAD = [Counting(name(form, fault), form, fault) for form in FORMATS for fault in MqttFault]
STUCK = Spoiled(Counting("stuck", "json"), Stuck(kind="stuck", devices=("it",), begin="+0s"), ALWAYS)
RESET_AT = Window(START + 1 * MINUTE, ALWAYS.end_us)
RESET = Spoiled(Counting("reset", "json"), RegisterReset(kind="register_reset", devices=("it",), begin="+0s"), RESET_AT)
DEVICES: list[SimDevice] = [*WELL, *BAD, STUCK, RESET]


@pytest.fixture(scope="module")
def run(mosquitto: servers.Server) -> Run:
    """A few minutes of the town in a few seconds."""

    def collector(name: str, clock: Clock) -> MqttCollector:
        links = {it.id: it.link for it in DEVICES if isinstance(it.link, MqttLink)}
        devices = [
            {"id": id_, "format": it.format, "topic": it.topic, "options": it.options} for id_, it in links.items()
        ]
        fields: dict[str, Any] = {"id": name, "host": mosquitto.host, "port": mosquitto.port, "devices": devices}
        return MqttCollector(MqttSettings.model_validate(fields), clock)

    async def until(condition: Any) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():  # noqa: ASYNC110 - the town counts, and tells no one
                await asyncio.sleep(0.01)

    async def everything() -> Run:
        clock = Clock(speed=50, start_us=START)
        ledger: dict[tuple[str, int], float] = {}

        def book(device: str, values: Mapping[str, float], time_us: int | None) -> None:
            assert time_us is not None
            ledger[device, time_us] = values["active_energy_import"]

        town = MqttTown(DEVICES, clock, mosquitto.host, mosquitto.port, ledger=book)
        first, sink, again = collector("first", clock), RecordingSink(), RecordingSink()
        listening = asyncio.create_task(first.run(sink))
        await until(lambda: first.counts.connections == 1)
        before = first.counts.messages
        speaking = asyncio.create_task(town.run())
        await until(lambda: all(len([who for who, _ in ledger if who == it.id]) >= MESSAGES for it in WELL))
        speaking.cancel()
        await asyncio.gather(speaking, return_exceptions=True)
        await until(lambda: first.counts.messages - before >= town.counts.acknowledged)
        second = collector("second", clock)
        late = asyncio.create_task(second.run(again))
        await until(lambda: second.counts.messages >= len(FORMATS))
        for task in (listening, late):
            task.cancel()
        await asyncio.gather(listening, late, return_exceptions=True)
        return Run(ledger, sink, again)

    return asyncio.run(everything())


@pytest.mark.parametrize("device", [device.id for device in WELL])
def test_the_others_lose_nothing(run: Run, device: str) -> None:
    sent = {time_us: value for (who, time_us), value in run.ledger.items() if who == device}
    assert len(sent) >= MESSAGES
    heard = {reading.time_us: reading.value for reading in run.readings(device)}
    assert sent.items() <= heard.items()
    assert len(heard) <= len(sent) + 1, "one may have been on its way to the ledger when the town ended"
    assert not [letter for letter in run.sink.letters if letter.topic == f"town/{device}"]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("fault", sorted(SPOILS_THE_PAYLOAD))
def test_a_spoiled_payload_is_no_reading_and_is_kept(run: Run, form: str, fault: MqttFault) -> None:
    device = name(form, fault)
    letters = [letter for letter in run.sink.letters if letter.topic == f"town/{device}"]
    assert len(letters) >= MESSAGES - 2
    assert all(letter.reason.startswith(f"{device}: ") and "\n" not in letter.reason for letter in letters)
    assert run.readings(device) == []


@pytest.mark.parametrize("form", FORMATS)
def test_duplicates_are_one_reading_by_their_identity(run: Run, form: str) -> None:
    readings = run.readings(name(form, MqttFault.DUPLICATE))
    assert len(readings) == 2 * len(set(readings)) >= MESSAGES


@pytest.mark.parametrize("form", FORMATS)
def test_what_comes_out_of_order_keeps_its_time(run: Run, form: str) -> None:
    readings = run.readings(name(form, MqttFault.OUT_OF_ORDER))
    assert any(later.time_us < earlier.time_us for earlier, later in pairwise(readings))
    assert all(
        reading.value == pytest.approx((reading.time_us - START) / SECOND + 1000, abs=0.01) for reading in readings
    )


@pytest.mark.parametrize("form", FORMATS)
def test_what_the_broker_retained_is_not_news(run: Run, form: str) -> None:
    device = name(form, MqttFault.RETAINED)
    last = run.readings(device)[-1]
    assert [reading for reading in run.again.readings if reading.device == device] == [last]
    assert last.device_time


def test_a_silent_device_is_silent(run: Run) -> None:
    assert not [reading for reading in run.sink.readings if reading.device.endswith(MqttFault.SILENT)]


def test_registers_that_are_stuck_or_begin_again(run: Run) -> None:
    assert len({reading.value for reading in run.readings("stuck")}) == 1
    values = [reading.value for reading in run.readings("reset")]
    assert sum(later < earlier for earlier, later in pairwise(values)) == 1
    assert min(values) < 1000 <= max(values), "it begins again at 0"


def test_the_payloads_are_as_bad_as_they_say() -> None:
    message = Outgoing("t", b'{"time":"2026-01-05T08:00:00Z","kwh":1000.5,"list":[1,-2]}', {"temperature": 1.0})

    def payload(fault: MqttFault) -> bytes:
        (sent,) = Spoiler().spoiled(message, fault)
        assert sent.values == {}
        return sent.payload

    assert len(payload(MqttFault.HUGE)) == HUGE
    assert payload(MqttFault.DEEP).count(b"[") + payload(MqttFault.DEEP).count(b"{") == DEEP
    assert payload(MqttFault.NAN) == b'{"time":"2026-01-05T08:00:00Z","kwh":NaN,"list":[NaN,NaN]}'
    assert payload(MqttFault.UNDERSCORE).count(b"1_000") == payload(MqttFault.COMMA).count(b"23,5") == 3
    with pytest.raises(UnicodeDecodeError):
        payload(MqttFault.INVALID_UTF8).decode()
