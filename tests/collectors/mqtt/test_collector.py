"""The collector against a real mosquitto: nothing lost, nothing stored twice, no memory without bound."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from collectors.mqtt.collector import MqttCollector
from collectors.mqtt.session import QUEUE_BYTES, Version, connected
from collectors.mqtt.settings import MqttSettings
from metering.clock import Clock
from tests import servers
from tests.collectors.mqtt.recording import RecordingSink
from tests.patience import PATIENCE_S

VERSIONS = ["5", "3.1.1"]
Build = Callable[..., MqttSettings]


@pytest.fixture
def settings(mosquitto: servers.Server, request: pytest.FixtureRequest) -> Build:
    """Settings with one plug ``plug`` on its own topics and in a session of its own for each test."""
    own = "".join(character if character.isalnum() else "-" for character in request.node.name)

    def build(**changes: Any) -> MqttSettings:
        plug = {"id": "plug", "format": "zigbee2mqtt", "topic": f"zigbee2mqtt/{own}"}
        fields = {"id": own, "host": mosquitto.host, "port": mosquitto.port, "devices": [plug], **changes}
        return MqttSettings.model_validate(fields)

    return build


@contextlib.asynccontextmanager
async def running(collector: MqttCollector, sink: Any) -> AsyncIterator[asyncio.Task[None]]:
    """The collector at work, once it is connected; ended as by a crash, without notice."""
    before = collector.counts.connections
    task = asyncio.create_task(collector.run(sink))
    try:
        await until(lambda: collector.counts.connections > before)
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - the collector counts, and tells no one
            await asyncio.sleep(0.01)


async def publish(server: servers.Server, topic: str, *payloads: str | bytes, retain: bool = False) -> None:
    async with aiomqtt.Client(server.host, server.port) as client:
        client.pending_calls_threshold = len(payloads) + 1
        await asyncio.gather(*(client.publish(topic, payload, qos=1, retain=retain) for payload in payloads))


@pytest.mark.parametrize("protocol", [*VERSIONS, "auto"])
async def test_values_arrive_once_and_in_order(
    mosquitto: servers.Server, settings: Build, sink: RecordingSink, protocol: Version
) -> None:
    config = settings(protocol=protocol)
    async with running(MqttCollector(config, Clock()), sink):
        await publish(mosquitto, config.devices[0].topic, *(f'{{"power":{n}}}' for n in range(700)))
        await sink.until(readings=700)
    assert sink.values("plug") == list(range(700))
    assert max(sink.batches) <= 500
    assert sink.letters == sink.failures == []


@pytest.mark.parametrize("protocol", VERSIONS)
async def test_what_was_accepted_but_not_acknowledged_is_stored_once(
    mosquitto: servers.Server, settings: Build, sink: RecordingSink, protocol: Version
) -> None:
    """The payload has no time of its own, so a second copy would be a second reading at another time."""
    config = settings(protocol=protocol)
    sink.gate.clear()
    async with running(MqttCollector(config, Clock()), sink):
        await publish(mosquitto, config.devices[0].topic, '{"power":1}', '{"power":2}')
        await sink.until(readings=1)
    sink.gate.set()
    accepted = len(sink.readings)
    again = MqttCollector(config, Clock())
    async with running(again, sink):
        await publish(mosquitto, config.devices[0].topic, '{"power":3}')
        await sink.until(readings=3)
    assert sorted(sink.values("plug")) == [1, 2, 3]
    assert again.counts.redelivered == accepted


@pytest.mark.parametrize("protocol", VERSIONS)
async def test_a_session_with_1001_poison_messages_goes_on(
    mosquitto: servers.Server, settings: Build, sink: RecordingSink, protocol: Version
) -> None:
    """Messages that nobody can read are kept apart and acknowledged, or the broker would send no others."""
    config = settings(protocol=protocol)
    poison = [f"no JSON: {n}" for n in range(1001)]
    async with running(MqttCollector(config, Clock()), sink):
        await publish(mosquitto, config.devices[0].topic, *poison, '{"power":1}')
        await sink.until(readings=1, letters=1001)
    assert [letter.payload.decode() for letter in sink.letters] == poison
    async with running(MqttCollector(config, Clock()), sink):
        await publish(mosquitto, config.devices[0].topic, '{"power":2}')
        await sink.until(readings=2)
    assert sink.values("plug") == [1, 2]
    assert {letter.payload.decode() for letter in sink.letters} == set(poison)
    assert len(sink.letters) < 2 * len(poison), "at most the last ones again, if their acknowledgement got lost"


@pytest.mark.parametrize("protocol", VERSIONS)
async def test_what_was_not_accepted_comes_again(
    mosquitto: servers.Server, settings: Build, sink: RecordingSink, protocol: Version
) -> None:
    config = settings(protocol=protocol)
    async with connected(config, protocol, Clock().now_us) as session:
        assert await session.subscribe([config.devices[0].topic]) == []
        await publish(mosquitto, config.devices[0].topic, '{"power":7}')
        assert len(await session.receive(10)) == 1  # taken, and then the process dies
    async with running(MqttCollector(config, Clock()), sink):
        await sink.until(readings=1)
    assert sink.values("plug") == [7]


@pytest.mark.parametrize("protocol", VERSIONS)
async def test_messages_of_an_absence_are_delivered_afterwards(
    mosquitto: servers.Server, settings: Build, sink: RecordingSink, protocol: Version
) -> None:
    config = settings(protocol=protocol)
    async with running(MqttCollector(config, Clock()), sink):
        pass
    await publish(mosquitto, config.devices[0].topic, *(f'{{"energy":{n}}}' for n in range(50)))
    async with running(MqttCollector(config, Clock()), sink):
        await sink.until(readings=50)
    assert sink.values("plug") == list(range(50))


@pytest.mark.parametrize("protocol", VERSIONS)
async def test_a_restarted_broker_is_found_again(
    tmp_path: Path, settings: Build, sink: RecordingSink, protocol: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collectors.mqtt.collector._FIRST_WAIT_S", 0.1)
    with servers.mosquitto(tmp_path) as broker:
        config = settings(protocol=protocol, port=broker.port)
        collector = MqttCollector(config, Clock())
        async with running(collector, sink):
            broker.kill()  # without a chance to save the session: the subscription must be made anew
            await sink.until(failures=1)
            assert "cannot be heard" in sink.failures[0][1]
            await asyncio.to_thread(broker.start)
            await until(lambda: collector.counts.connections == 2)
            await publish(broker, config.devices[0].topic, '{"power":5}')
            await sink.until(readings=1)
    assert sink.values("plug") == [5]


@pytest.mark.parametrize("protocol", VERSIONS)
async def test_a_blocked_sink_leaves_the_rest_to_the_broker(
    mosquitto: servers.Server, settings: Build, sink: RecordingSink, protocol: Version
) -> None:
    config = settings(protocol=protocol)
    queue, total = 20, 600
    collector = MqttCollector(config, Clock(), queue=queue)
    sink.gate.clear()
    async with running(collector, sink):
        await publish(mosquitto, config.devices[0].topic, *(f'{{"power":{n}}}' for n in range(total)))
        await asyncio.sleep(0.3)
        assert len(sink.readings) <= queue, "the broker sends no more before the first are acknowledged"
        sink.gate.set()
        await sink.until(readings=total)
    assert sink.values("plug") == list(range(total))


async def test_a_full_queue_at_the_start_does_not_keep_the_subscription_from_being_made(
    mosquitto: servers.Server, settings: Build, sink: RecordingSink
) -> None:
    """The session's old messages come before the answer to the subscription, and fill the queue."""
    config = settings(protocol="5")
    async with running(MqttCollector(config, Clock()), sink):
        pass
    await publish(mosquitto, config.devices[0].topic, *(f'{{"power":{n}}}' for n in range(300)))
    async with running(MqttCollector(config, Clock(), queue=5), sink):
        await sink.until(readings=300)
    assert sink.values("plug") == list(range(300))


@pytest.mark.parametrize("protocol", VERSIONS)
async def test_a_flood_without_acknowledgement_is_held_back_by_tcp(
    mosquitto: servers.Server, settings: Build, protocol: Version
) -> None:
    """QoS 0 knows no receive maximum: the queue must stay bounded all the same, and go on afterwards."""
    config = settings(protocol=protocol)
    queue = 10
    async with connected(config, protocol, Clock().now_us, limit=queue) as session:
        await session.subscribe([config.devices[0].topic])
        async with aiomqtt.Client(mosquitto.host, mosquitto.port) as client:
            for n in range(500):
                await client.publish(config.devices[0].topic, f'{{"power":{n}}}', qos=0)
        await until(lambda: session.waiting >= queue)
        await asyncio.sleep(0.3)
        assert session.waiting == queue
        async with asyncio.timeout(PATIENCE_S):
            got = 0
            while got < 500:
                some = await session.receive(500)
                assert len(some) <= queue
                got += len(some)
        assert got == 500


@pytest.mark.parametrize("protocol", VERSIONS)
async def test_a_flood_of_big_messages_is_held_back_by_their_bytes(
    mosquitto: servers.Server, settings: Build, protocol: Version
) -> None:
    """A megabyte each: all of them would be a hundred, and with only the number bounded a gigabyte."""
    config = settings(protocol=protocol)
    megabyte = bytes(1_000_000)
    async with connected(config, protocol, Clock().now_us) as session:
        await session.subscribe([config.devices[0].topic])
        before_mb = resident_mb()
        await publish(mosquitto, config.devices[0].topic, *[megabyte] * 100)
        await until(lambda: session.waiting * len(megabyte) >= QUEUE_BYTES)
        await asyncio.sleep(0.3)
        assert session.waiting * len(megabyte) <= QUEUE_BYTES + len(megabyte)
        got = 0
        async with asyncio.timeout(PATIENCE_S):
            while got < 100:
                some = await session.receive(500)
                session.acknowledge(some)
                got += len(some)
                assert resident_mb() - before_mb < 5 * QUEUE_BYTES / 1e6, "in hand, waiting, and on its way"
        assert got == 100


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


async def test_a_payload_nobody_reads_becomes_a_dead_letter_and_stops_nothing(
    mosquitto: servers.Server, settings: Build, sink: RecordingSink
) -> None:
    config = settings()
    topic = config.devices[0].topic
    bad = [b"\xff\xfe", b"x" * 1_000_000, b"[" * 200_000, b'{"power":"23,5"}', b'{"power":0001.0}', b'["power"]']
    async with running(MqttCollector(config, Clock()), sink):
        await publish(mosquitto, topic, *bad, '{"power":"1_000","voltage":230}', '{"power":5}')
        await sink.until(readings=2, letters=len(bad) + 1)
        await publish(mosquitto, topic, '{"power":5}')
        await sink.until(readings=3)  # by then the acknowledgements of the others are on their way
    assert [(reading.quantity, reading.value) for reading in sink.readings[:2]] == [
        ("voltage", 230),
        ("active_power", 5),
    ]
    assert {letter.payload for letter in sink.letters} >= set(bad)
    assert all(letter.reason.startswith("plug: ") for letter in sink.letters)
    async with running(MqttCollector(config, Clock()), sink):  # all were acknowledged: none comes again
        await publish(mosquitto, topic, '{"power":6}')
        await sink.until(readings=4)
    assert len(sink.letters) == len(bad) + 1


async def test_retained_values_without_a_time_are_left_out(
    mosquitto: servers.Server, settings: Build, sink: RecordingSink
) -> None:
    config = settings()
    topic = config.devices[0].topic
    await publish(mosquitto, topic, '{"temperature":21,"humidity":40}', retain=True)
    collector = MqttCollector(config, Clock())
    async with running(collector, sink):
        await until(lambda: collector.counts.stale == 2)
        await publish(mosquitto, topic, '{"temperature":22,"last_seen":"2026-01-02T03:04:05Z"}', retain=True)
        await sink.until(readings=1)
    await publish(mosquitto, topic, b"", retain=True)
    (reading,) = sink.readings
    assert (reading.value, reading.device_time) == (22, True)


async def test_offline_is_a_failure_and_no_reading(
    mosquitto: servers.Server, settings: Build, sink: RecordingSink
) -> None:
    config = settings()
    async with running(MqttCollector(config, Clock()), sink):
        await publish(mosquitto, config.devices[0].topic + "/availability", '{"state":"online"}', '{"state":"offline"}')
        await sink.until(failures=1)
    assert sink.failures == [("plug", "offline, says Zigbee2MQTT")]
    assert sink.readings == []
    assert sink.letters == []


async def test_a_former_subscription_is_acknowledged_and_counted(
    mosquitto: servers.Server, settings: Build, sink: RecordingSink
) -> None:
    config = settings()
    async with connected(config, "5", Clock().now_us) as session:
        await session.subscribe([f"former/{config.id}"])
    collector = MqttCollector(config, Clock())
    async with running(collector, sink):
        await publish(mosquitto, f"former/{config.id}", '{"power":1}')
        await until(lambda: collector.counts.unclaimed == 1)
    assert sink.readings == []
    assert sink.letters == []


async def test_a_broker_that_is_not_there_is_reported_for_each_device(settings: Build, sink: RecordingSink) -> None:
    task = asyncio.create_task(MqttCollector(settings(port=servers.free_port()), Clock()).run(sink))
    await sink.until(failures=1)
    task.cancel()
    assert sink.failures[0][0] == "plug"
    assert "cannot be heard" in sink.failures[0][1]


@pytest.mark.parametrize("protocol", VERSIONS)
async def test_a_retained_description_is_heard_again_with_each_connection(
    mosquitto: servers.Server, settings: Build, sink: RecordingSink, protocol: Version
) -> None:
    """A decoder forgets with the connection, so the broker must say it anew, though the subscription is an old one."""
    topic = f"homie/5/heat{protocol[0]}"
    config = settings(protocol=protocol, devices=[{"id": "heat", "format": "homie", "topic": topic}])
    description = '{"nodes":{"meter":{"properties":{"power":{"datatype":"float","unit":"kW"}}}}}'
    await publish(mosquitto, f"{topic}/$description", description, retain=True)
    for number in (1, 2):
        async with running(MqttCollector(config, Clock()), sink):
            await publish(mosquitto, f"{topic}/meter/power", f"{number}.5")
            await sink.until(readings=number)
    assert sink.values("heat") == [1500, 2500]
