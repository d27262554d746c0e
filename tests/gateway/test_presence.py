"""Replicas that know of each other over a real mosquitto, and one that is cut off from it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from collectors.mqtt.settings import MqttSettings
from gateway.sharing.presence import Presence
from metering.clock import Clock
from tests.faults.wire import Wire
from tests.gateway.parts import until
from tests.servers import Server

BEAT_S, LEASE_S = 0.3, 2.0


@contextlib.asynccontextmanager
async def presence(host: str, port: int, name: str, group: str) -> AsyncIterator[Presence]:
    one = Presence(MqttSettings(id=group, host=host, port=port), name, BEAT_S, LEASE_S, Clock())
    task = asyncio.create_task(one.run())
    try:
        yield one
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_each_sees_the_others_until_they_are_gone(mosquitto: Server) -> None:
    address = mosquitto.host, mosquitto.port
    async with presence(*address, "a", "seen") as a, presence(*address, "other", "strangers"):
        assert a.view().alone_s == float("inf")
        await until(lambda: a.view().live == {"a"})
        async with presence(*address, "b", "seen") as b:
            await until(lambda: a.view().live == b.view().live == {"a", "b"})
        await until(lambda: a.view().live == {"a"})
        assert a.view().gone == {"b"}
    async with presence(*address, "c", "seen") as c:  # knows from retained words who there was
        await until(lambda: c.view().gone == {"a", "b"})
        assert c.view().live == {"c"}


async def test_who_is_cut_off_notices_it_and_keeps_its_last_view(mosquitto: Server) -> None:
    wire = Wire(mosquitto.port)
    await wire.start()
    address = mosquitto.host, mosquitto.port
    async with presence(*address, "a", "cut") as a, presence("127.0.0.1", wire.port, "b", "cut") as b:
        await until(lambda: a.view().live == b.view().live == {"a", "b"})
        wire.hold()
        await until(lambda: b.view().alone_s > 0)
        assert b.view().live == {"a", "b"}
        await until(lambda: a.view().live == {"a"})
        wire.cut()
        wire.release()
        await until(lambda: a.view().live == b.view().live == {"a", "b"} and b.view().alone_s == 0)
    await wire.stop()
