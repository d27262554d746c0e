"""Discovery: every format the town speaks is recognised; hostile and endless traffic costs bounded memory."""

import asyncio
import itertools
import json

import aiomqtt
import pytest

from collectors.mqtt import discovery
from collectors.mqtt.discovery import Discovery, Found, FoundDevice, listen, shortened
from collectors.mqtt.format import Message
from collectors.mqtt.settings import MqttSettings
from collectors.mqtt.sparkplug import DataType, Metric, Payload, write
from device_sim.mqtt.encoders import encoder
from metering.clock import Clock
from metering.instant import SECOND, parse
from metering.quantities import QUANTITIES
from tests.device_sim.shapes import OPTIONS, SHAPES, TOPICS
from tests.servers import Server, free_port

NOW = parse("2026-11-22T12:00:00Z")
NAMELESS = {"vzlogger", "influx_line"}
"""Formats that are recognised, but say neither quantity nor unit."""
UNRECOGNISED = {"json", "number"}
"""What could be anything, so that no format claims it."""
REAL_TOPICS = {
    "tasmota": "schule",
    "zigbee2mqtt": "zigbee2mqtt/Raum 101",
    "shelly_gen2": "shellypro3em-1",
    "shelly_gen1": "shellies/shellyem-1",
    "chirpstack": "application/1/device/a84041ffff",
    "tts": "v3/app@ttn/devices/room",
    "homie": "homie/5/meter",
}


def heard(*messages: tuple[str, bytes], retained: bool = False) -> Found:
    found = Discovery()
    for number, (topic, payload) in enumerate(messages):
        found.hear(Message(topic, payload, NOW + number * 10 * SECOND, retained))
    return found.found


@pytest.mark.parametrize("shape", SHAPES)
def test_every_format_the_town_speaks(shape: str) -> None:
    name, words = SHAPES[shape]
    topic, options = TOPICS.get(name, REAL_TOPICS.get(name, "some/thing")), OPTIONS.get(name, {})
    values = {
        quantity: max(QUANTITIES[quantity].low, 0) + min(50.0, QUANTITIES[quantity].high) / 2
        for quantity in words.split()
    }
    values |= {quantity: 230.0 for quantity in values if quantity.startswith("voltage")}
    sent = encoder(name).encode(topic, values, NOW, options)
    found = heard((sent.topic, sent.payload), (sent.topic, sent.payload))
    if name in UNRECOGNISED:
        assert not found.devices
        assert found.unknown[sent.topic].messages == 2
        return
    (device,) = found.devices.values()
    assert (device.format, device.topic) == (name, topic)
    if name == "homie":
        return  # says nothing without its description
    assert device.interval_s == 10.0
    if name in NAMELESS:
        assert device.numbers
    else:
        got = {quantity: value.value for (_, quantity), value in device.values.items()}
        assert got == pytest.approx(sent.values)


def test_numbers_of_unknown_messages_are_shown() -> None:
    found = heard(("a", b"23.5"), ("b", b'{"x": {"y": 1}, "name": "z"}'), ("c", b"on"), ("d", b"\xff\x00" * 300))
    assert {topic: known.numbers for topic, known in found.unknown.items()} == {
        "a": {"": 23.5},
        "b": {"/x/y": 1.0},
        "c": {},
        "d": {},
    }
    assert found.unknown["d"].sample.startswith("600 bytes: ff00")
    assert len(shortened(b"x" * 10_000)) < 200


def test_what_says_nothing_at_first_is_recognised_later() -> None:
    info = json.dumps({"id": "1", "meter": "a", "media": "water", "timestamp": "2026-11-22T12:00:00Z", "total_m3": 3})
    found = heard(("meters/1", b"hello"), ("meters/1", info.encode()))
    assert not found.unknown
    assert [device.format for device in found.devices.values()] == ["wmbusmeters"]


def test_a_sparkplug_node_that_gives_aliases_only_waits_to_be_asked() -> None:
    metric = Metric("", alias=5, time_ms=NOW // 1000, datatype=DataType.DOUBLE, value=5.0)
    (device,) = heard(("spBv1.0/plant/NDATA/node", write(Payload(NOW // 1000, 3, (metric,))))).devices.values()
    assert device.asks
    assert not device.values


def test_a_broken_payload_is_told_and_harms_nobody() -> None:
    found = heard(("tele/a/SENSOR", b"{"), ("tele/b/SENSOR", b'{"ENERGY": {"Power": "nan"}}'))
    a, b = found.devices["tasmota", "a"], found.devices["tasmota", "b"]
    assert any("not JSON" in remark for remark in a.remarks)
    assert any("not a number" in remark for remark in b.remarks)


def test_topics_and_values_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "MOST_TOPICS", 100)
    found = heard(*((f"t/{number % 500}", b'{"a": 1}') for number in range(1000)))
    assert len(found.unknown) == 100
    assert (found.messages, found.skipped) == (1000, 800)
    many = json.dumps({f"DS18B20-{n}": {"Temperature": 20.0} for n in range(2000)}).encode()
    hot = heard(*itertools.repeat(("tele/many/SENSOR", many), 30))
    device = hot.devices["tasmota", "many"]
    assert len(device.values) <= 500
    assert device.topics["tele/many/SENSOR"].messages == 30


def test_retained_messages_do_not_tell_how_often_a_device_speaks() -> None:
    sent = ("zigbee2mqtt/room", b'{"temperature": 20.5}')
    (device,) = heard(sent, sent, retained=True).devices.values()
    assert device.interval_s is None
    assert isinstance(device, FoundDevice)
    assert device.values["", "temperature"].value == 20.5


async def test_it_listens_to_a_real_broker_and_says_nothing(mosquitto: Server) -> None:
    settings = MqttSettings(id="b", host=mosquitto.host, port=mosquitto.port)
    async with aiomqtt.Client(mosquitto.host, mosquitto.port) as observer:
        await observer.subscribe("discovery/#", qos=1)
        listening = asyncio.create_task(listen(settings, ["discovery/#"], 1.5, Clock()))
        said = 0
        while not listening.done():
            await observer.publish("discovery/zigbee", b"21.5", qos=1)
            said += 1
            await asyncio.sleep(0.1)
        found = await listening
        assert list(found.unknown) == ["discovery/zigbee"]
        echoed = [await anext(observer.messages) for _ in range(said)]
        assert {(message.topic.value, message.payload) for message in echoed} == {("discovery/zigbee", b"21.5")}
        assert not len(observer.messages)


async def test_what_comes_faster_than_it_can_be_looked_at_is_counted() -> None:
    found = Found()
    queue = discovery.queue_counting(found)(maxsize=2)
    for _ in range(5):
        queue.put_nowait(aiomqtt.Message("t", b"1", 0, retain=False, mid=0, properties=None))
    assert (queue.qsize(), found.lost) == (2, 3)


async def test_a_broker_that_is_not_there() -> None:
    with pytest.raises(aiomqtt.MqttError, match="refused"):
        await listen(MqttSettings(id="b", host="127.0.0.1", port=free_port()), ["#"], 1.0, Clock())
