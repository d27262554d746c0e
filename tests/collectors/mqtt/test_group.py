"""Several collectors in one group against a real mosquitto: each message to one of them, none left behind."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from collectors.mqtt.collector import MqttCollector
from collectors.mqtt.group import take_out
from collectors.mqtt.session import connected
from collectors.mqtt.settings import MqttSettings
from metering.clock import Clock
from tests import servers
from tests.collectors.mqtt.recording import RecordingSink
from tests.collectors.mqtt.test_collector import publish, running, until


def settings(broker: servers.Server, group: str, replica: str) -> MqttSettings:
    options = {"quantity": "illuminance", "unit": "lx"}
    device = {"id": "lamp", "format": "number", "topic": f"{group}/lamp", "options": options}
    fields = {"id": group, "host": broker.host, "port": broker.port, "share": group, "devices": [device]}
    return MqttSettings.model_validate(fields).of_replica(replica)


@contextlib.asynccontextmanager
async def gone(config: MqttSettings) -> AsyncIterator[None]:
    """A member of the group whose process has died."""
    async with connected(config, "5", Clock().now_us) as session:
        await session.subscribe([f"$share/{config.share}/{config.devices[0].topic}"])
        session.cut()
        await asyncio.sleep(0.2)
    yield


async def test_each_message_comes_to_one_of_the_group(mosquitto: servers.Server) -> None:
    sinks = [RecordingSink(), RecordingSink()]
    async with contextlib.AsyncExitStack() as stack:
        for sink, replica in zip(sinks, "ab", strict=True):
            config = settings(mosquitto, "each", replica)
            await stack.enter_async_context(running(MqttCollector(config, Clock()), sink))
        await publish(mosquitto, "each/lamp", *(str(n) for n in range(400)))
        await until(lambda: sum(len(sink.readings) for sink in sinks) == 400)
    parts = [sink.values("lamp") for sink in sinks]
    assert sorted(parts[0] + parts[1]) == list(range(400))
    assert all(parts)


async def test_who_leaves_leaves_nothing_behind(mosquitto: servers.Server) -> None:
    leaving, staying = RecordingSink(), RecordingSink()
    async with running(MqttCollector(settings(mosquitto, "leave", "b"), Clock()), staying):
        async with running(MqttCollector(settings(mosquitto, "leave", "a"), Clock()), leaving):
            talking = asyncio.create_task(publish(mosquitto, "leave/lamp", *(str(n) for n in range(3000))))
            await leaving.until(readings=1)
        await talking
        await publish(mosquitto, "leave/lamp", "3000")
        await staying.until(readings=3001 - len(leaving.readings))
    assert sorted(leaving.values("lamp") + staying.values("lamp")) == list(range(3001))


async def test_the_part_of_one_that_is_gone_comes_to_the_others_once_it_is_taken_out(
    mosquitto: servers.Server, sink: RecordingSink
) -> None:
    lost = settings(mosquitto, "gone", "a")
    async with gone(lost), running(MqttCollector(settings(mosquitto, "gone", "b"), Clock()), sink):
        await publish(mosquitto, "gone/lamp", *(str(n) for n in range(10)))
        await sink.until(readings=5)
        await take_out(lost)
        await publish(mosquitto, "gone/lamp", *(str(n) for n in range(10, 20)))
        await sink.until(readings=15)
        back: Any = RecordingSink()
        async with running(MqttCollector(lost, Clock()), back):
            await back.until(readings=5)
    assert sorted(sink.values("lamp") + back.values("lamp")) == list(range(20))
