"""What is done to the plant: one function a kind of fault, which returns when the cause is gone.

To add one, write it here and put it into `EPISODES`; the driver does the rest.
"""

import asyncio
import random
import shutil
from collections.abc import Awaitable, Callable, Mapping
from itertools import pairwise
from pathlib import Path

import msgspec

from gateway.frames import Frame, scan
from gateway.journal import segment_files
from tests.faults import store_proxy
from tests.faults.ledger import Key
from tests.faults.plant import Plant

Episode = Callable[[Plant, random.Random], Awaitable[None]]

UNDISTURBED = "poison alone"
_SPELL_S = 4.0  # how long a fault of the network lasts
_HOUR_S = 3600.0


async def quiet(_plant: Plant, _chance: random.Random) -> None:
    """Nothing but the load, with its poison."""
    await asyncio.sleep(2.0)


async def kill(plant: Plant, chance: random.Random) -> None:
    """At any moment: while it works, and then while it starts, recovers or catches up."""
    await asyncio.sleep(chance.uniform(0.0, 1.5))
    for longest_s in (0.0, 6.0):
        await asyncio.sleep(chance.uniform(0.0, longest_s))
        plant.gateway.kill()
        plant.gateway.start()


async def kill_with_backlog(plant: Plant, chance: random.Random) -> None:
    """The store is away before and after."""
    plant.store_proxy.set(store_proxy.fails)
    await asyncio.sleep(chance.uniform(1.0, 2.0))
    plant.gateway.kill()
    plant.gateway.start()
    await _receives(plant)
    plant.store_proxy.set()


async def kill_newest_first(plant: Plant, chance: random.Random) -> None:
    """Killed while what comes passes the backlog, in small batches; and while it goes on, whatever is left of it."""
    plant.gateway.kill()
    plant.gateway.set(drain="newest_first", batch_readings=30)
    plant.store_proxy.set(store_proxy.fails)
    plant.gateway.start()
    await _receives(plant)
    await asyncio.sleep(1.0)
    plant.store_proxy.set()
    await asyncio.sleep(chance.uniform(0.0, 3.0))
    plant.gateway.kill()
    plant.gateway.start()
    await _receives(plant)
    plant.gateway.kill()
    plant.gateway.set(drain=None, batch_readings=None)
    plant.gateway.start()


async def torn_tail(plant: Plant, chance: random.Random) -> None:
    """A kill in the middle of a write: behind the durable end there is a part of a frame, with bits flipped."""
    plant.store_proxy.set(store_proxy.fails)
    await asyncio.sleep(1.0)
    plant.gateway.kill()
    newest = segment_files(plant.outbox)[-1]
    data = newest.read_bytes()
    frames = [found for found in scan(data) if isinstance(found, Frame)]
    frame = chance.choice(frames)
    torn = bytearray(data[frame.offset : chance.randrange(frame.offset + 1, frame.end)])
    torn[chance.randrange(len(torn))] ^= 1 << chance.randrange(8)
    with newest.open("ab") as file:
        file.write(torn)
    plant.gateway.start()
    await _receives(plant)
    plant.store_proxy.set()


async def flipped_bit(plant: Plant, chance: random.Random) -> None:
    """The disk itself fails: a frame that waits for the store no longer reads as it was written."""
    plant.store_proxy.set(store_proxy.fails)
    await _receives(plant)
    plant.gateway.kill()
    newest = segment_files(plant.outbox)[-1]
    data = bytearray(newest.read_bytes())
    frame = [found for found in scan(bytes(data)) if isinstance(found, Frame)][-1]
    data[chance.randrange(frame.offset, frame.end)] ^= 1 << chance.randrange(8)
    newest.write_bytes(data)
    plant.damaged |= {Key(device, round(value)) for device, _, value, *_ in msgspec.msgpack.decode(frame.payload)[2]}
    plant.gateway.start()
    await _receives(plant)
    aside = b"".join(path.read_bytes() for path in (plant.outbox / "damaged").iterdir())
    if data[frame.offset : frame.end] not in aside:
        plant.broken.append("a damaged frame was not set aside")
    plant.store_proxy.set()


async def broker_restart(plant: Plant, _chance: random.Random) -> None:
    await asyncio.to_thread(plant.broker.stop)
    await asyncio.sleep(0.5)
    await asyncio.to_thread(plant.broker.start)


async def wire_reset(plant: Plant, chance: random.Random) -> None:
    """The broker's connection breaks again and again."""
    for _ in range(4):
        plant.wire.cut()
        await asyncio.sleep(chance.uniform(0.2, 1.5))


async def wire_half_open(plant: Plant, _chance: random.Random) -> None:
    """Nothing passes and nobody is told; then the connection, with what was on its way, is gone."""
    plant.wire.hold()
    await asyncio.sleep(_SPELL_S)
    plant.wire.cut()
    plant.wire.release()


async def wire_slow(plant: Plant, _chance: random.Random) -> None:
    plant.wire.delay_s = 0.3
    await asyncio.sleep(_SPELL_S)
    plant.wire.delay_s = 0.0


async def influxd_kill(plant: Plant, chance: random.Random) -> None:
    await asyncio.to_thread(plant.influxd.kill)
    await asyncio.sleep(chance.uniform(0.5, 2.0))
    await asyncio.to_thread(plant.influxd.start)


async def influxd_restart(plant: Plant, _chance: random.Random) -> None:
    await asyncio.to_thread(plant.influxd.stop)
    await asyncio.sleep(1.0)
    await asyncio.to_thread(plant.influxd.start)


def the_store(fault: store_proxy.Fault) -> Episode:
    """The fault on every request, for a while."""

    async def episode(plant: Plant, _chance: random.Random) -> None:
        plant.store_proxy.set(fault)
        await asyncio.sleep(_SPELL_S)
        plant.store_proxy.set()

    return episode


async def store_too_many(plant: Plant, _chance: random.Random) -> None:
    """429 with Retry-After, which must be honoured."""
    plant.store_proxy.set(store_proxy.too_many)

    async def tried_again() -> bool:
        return len(plant.store_proxy.writes) >= 3

    await plant.until(tried_again, "it writes again after a 429")
    pauses = [later - earlier for earlier, later in pairwise(plant.store_proxy.writes)]
    plant.store_proxy.set()
    if min(pauses) < store_proxy.RETRY_AFTER_S - 0.05:
        plant.broken.append(f"Retry-After: {store_proxy.RETRY_AFTER_S}, but it wrote again after {min(pauses):.2f} s")


async def disk_full(plant: Plant, _chance: random.Random) -> None:
    """No byte is left; where there can be no small disk, no file of the process may grow."""
    filler = plant.data / "filler"
    if plant.own_disk:
        await asyncio.to_thread(_fill, filler)
    else:
        plant.gateway.may_write(0)

    async def noticed() -> bool:
        return (await plant.metrics()).get("ready", 1.0) == 0.0

    await plant.until(noticed, "the gateway says that its disk is full")
    await asyncio.sleep(1.0)
    if plant.own_disk:
        filler.unlink()
    else:
        plant.gateway.may_write(None)


async def disk_full_kill(plant: Plant, _chance: random.Random) -> None:
    """It is killed while its disk is full, and finds it full when it starts."""
    if not plant.own_disk:
        return
    filler = plant.data / "filler"
    await asyncio.to_thread(_fill, filler)
    await asyncio.sleep(1.0)
    plant.gateway.kill()
    plant.gateway.start()

    async def answers() -> bool:
        return bool(await plant.metrics())

    await plant.until(answers, "the gateway starts on a full disk")
    filler.unlink()


async def clock_stepped(plant: Plant, chance: random.Random) -> None:
    """The wall clock goes an hour ahead and back, or back and ahead."""
    plant.gateway.kill()
    plant.gateway.twist, before = "stepped-clock", plant.gateway.twist
    plant.gateway.start()
    await plant.well()
    for hours in chance.choice([(1, 0, -1), (-1, 0, 1)]):
        plant.gateway.step_clock(hours * _HOUR_S)
        await _polls(plant)
        await plant.well()
    plant.gateway.kill()
    plant.gateway.step_clock(0)
    plant.gateway.twist = before
    plant.gateway.start()


EPISODES: Mapping[str, Episode] = {
    UNDISTURBED: quiet,
    "gateway: kill -9": kill,
    "gateway: kill -9 with a backlog": kill_with_backlog,
    "gateway: kill -9, newest first": kill_newest_first,
    "gateway: kill -9, torn write": torn_tail,
    "disk: flipped bit in the outbox": flipped_bit,
    "disk: full": disk_full,
    "disk: full, and kill -9": disk_full_kill,
    "clock: ± 1 h": clock_stepped,
    "broker: restart": broker_restart,
    "broker: connection reset": wire_reset,
    "broker: connection half open": wire_half_open,
    "broker: slow": wire_slow,
    "store: kill -9": influxd_kill,
    "store: restart": influxd_restart,
    "store: half open": the_store(store_proxy.half_open),
    "store: slow": the_store(store_proxy.slow),
    "store: 204 that never arrives": the_store(store_proxy.never_told),
    "store: reset in the body": the_store(store_proxy.reset_in_the_body),
    "store: reset in the answer": the_store(store_proxy.reset_in_the_answer),
    "store: 503": the_store(store_proxy.fails),
    "store: 500 after writing": the_store(store_proxy.fails_after_writing),
    "store: 429, Retry-After": store_too_many,
}


async def _receives(plant: Plant) -> None:
    """Wait until new readings have come, whatever the store does."""
    before = (await plant.metrics()).get("readings_received_total", 0.0)

    async def more() -> bool:
        return (await plant.metrics()).get("readings_received_total", 0.0) > before + 50

    await plant.until(more, "readings come")


async def _polls(plant: Plant) -> None:
    """Wait until each bus has been asked again."""
    before = plant.ledger.polls_by_bus()

    async def more() -> bool:
        now = plant.ledger.polls_by_bus()
        return all(now[bus] > number + 2 for bus, number in before.items())

    await plant.until(more, "Modbus devices are polled")


def _fill(filler: Path) -> None:
    free = shutil.disk_usage(filler.parent).free
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(max(1, free // 8)))
                free = shutil.disk_usage(filler.parent).free
        except OSError:
            return
