"""What the broker tells others about the gateway: online; offline after a farewell, and without one."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import aiomqtt
import pytest

from collectors.mqtt.session import connected
from collectors.mqtt.settings import MqttSettings
from metering.clock import Clock
from tests.patience import PATIENCE_S
from tests.servers import Server


@contextlib.asynccontextmanager
async def heard(broker: Server, topic: str) -> AsyncIterator[Callable[[], Awaitable[str]]]:
    """What comes under the topic, one after another."""
    async with aiomqtt.Client(broker.host, broker.port) as client:
        await client.subscribe(topic, qos=1)

        async def following() -> str:
            async with asyncio.timeout(PATIENCE_S):
                return bytes((await anext(client.messages)).payload).decode()  # type: ignore[arg-type]

        yield following


@pytest.mark.parametrize("end", ["farewell", "death"])
async def test_the_broker_knows_whether_the_gateway_is_there(mosquitto: Server, end: str) -> None:
    settings = MqttSettings(id=end, host=mosquitto.host, port=mosquitto.port)
    assert settings.status_topic == f"leitwarte/{end}/status"
    async with heard(mosquitto, settings.status_topic) as following:
        async with connected(settings, "5", Clock().now_us) as session:
            assert await following() == "online"
            async with heard(mosquitto, settings.status_topic) as latecomer:
                assert await latecomer() == "online"
            if end == "death":
                session.cut()
        assert await following() == "offline"


async def test_who_may_only_read_says_nothing(mosquitto: Server) -> None:
    settings = MqttSettings(id="mute", host=mosquitto.host, port=mosquitto.port, say_status=False)
    async with heard(mosquitto, settings.status_topic) as following, connected(settings, "3.1.1", Clock().now_us):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(following(), 0.5)


def test_the_topic_has_three_levels_whatever_the_client_is_called() -> None:
    settings = MqttSettings(id="b", host="h", client_id="a/+/#")
    assert settings.status_topic == "leitwarte/a----/status"
