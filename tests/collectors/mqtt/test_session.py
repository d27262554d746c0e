"""Brokers that misbehave: they say nothing, nonsense, or hang up."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from collectors.mqtt import packets
from collectors.mqtt.session import BrokerError, UnsupportedVersion, connected
from collectors.mqtt.settings import MqttSettings
from metering.clock import Clock
from tests.patience import PATIENCE_S

ACCEPTED = b"\x20\x06\x00\x00\x03\x13\x00\x01"  # CONNACK of MQTT 5 that wants a sign of life each second
PATIENT = b"\x20\x03\x00\x00\x00"  # one that leaves that to us


@contextlib.asynccontextmanager
async def broker(*answers: bytes, hangs_up: bool = False) -> AsyncIterator[MqttSettings]:
    """Gives one answer to whatever comes each time, and then none."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await reader.read(1000)
            writer.write(answer)
        if hangs_up:
            writer.close()
        while await reader.read(1000):
            pass
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield MqttSettings(id="b", host="127.0.0.1", port=server.sockets[0].getsockname()[1], say_status=False)


@pytest.mark.parametrize(
    ("said", "why"),
    [(b"", "silent"), (b"\x30\x01\x00", "PUBLISH that is none"), (b"\xe0\x01\x8e", "session taken over")],
)
async def test_a_connection_that_is_no_good_is_given_up(said: bytes, why: str) -> None:
    async with broker(ACCEPTED, said) as settings, connected(settings, "5", Clock().now_us) as session:
        with pytest.raises(BrokerError, match=why):
            await asyncio.wait_for(session.receive(1), PATIENCE_S)


async def test_a_broker_that_answers_no_subscription_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectors.mqtt.session._SUBSCRIBED_S", 0.2)
    async with broker(PATIENT) as settings, connected(settings, "5", Clock().now_us) as session:
        for wait in (lambda: session.subscribe(["t"]), lambda: session.receive(1)):
            with pytest.raises(BrokerError, match=r"has not answered a subscription for 0\.2 s"):
                await asyncio.wait_for(wait(), PATIENCE_S)


async def test_an_answer_that_waits_behind_a_full_queue_has_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectors.mqtt.session._SUBSCRIBED_S", 0.2)
    said = 3 * packets.publish("5", "t", b"1") + b"\x90\x04\x00\x01\x00\x01"
    async with broker(PATIENT, said) as settings, connected(settings, "5", Clock().now_us, limit=1) as session:
        subscribing = asyncio.create_task(session.subscribe(["t"]))
        await asyncio.sleep(1.0)
        assert not subscribing.done()
        for _ in range(3):
            assert len(await asyncio.wait_for(session.receive(1), PATIENCE_S)) == 1
        assert await asyncio.wait_for(subscribing, PATIENCE_S) == []


@pytest.mark.parametrize("answer", [b"", b"\x20\x02\x00\x01", b"\x20\x03\x00\x84\x00"])
async def test_an_older_broker_is_told_from_one_that_refuses(answer: bytes) -> None:
    """It hangs up, or says so in its own version, or in the one it was asked in."""
    async with broker(answer, hangs_up=True) as settings:
        with pytest.raises(UnsupportedVersion):
            async with connected(settings, "5", Clock().now_us):
                pass
