"""Readings on their way to the disk: polls go on meanwhile, nothing is lost, and not too much waits."""

import asyncio
from collections.abc import Sequence

import pytest

from collectors.modbus.handover import Handover
from collectors.protocol import DeadLetter, Receipts
from metering.reading import Reading


class SlowDisk:
    """Takes what it is given once ``writable`` is set."""

    def __init__(self) -> None:
        self.writable = asyncio.Event()
        self.kept: list[list[Reading]] = []

    async def accept(
        self, readings: Sequence[Reading], receipts: Receipts | None = None, *, can_wait: bool = True
    ) -> None:
        assert not receipts
        assert not can_wait
        await self.writable.wait()
        self.kept.append(list(readings))

    def is_known(self, channel: str, number: int, digest: int) -> bool:
        raise AssertionError((channel, number, digest))

    async def dead_letter(self, letter: DeadLetter) -> None:
        raise AssertionError(letter)

    def failed(self, device: str, reason: str) -> None:
        raise AssertionError(device, reason)


def poll(number: int, size: int = 1) -> list[Reading]:
    return [Reading("meter", "active_power", float(number), n) for n in range(size)]


async def test_what_comes_meanwhile_goes_in_one_piece() -> None:
    disk = SlowDisk()
    handover = Handover(disk)
    for number in range(4):
        await handover.give(poll(number))
        await asyncio.sleep(0)
    disk.writable.set()
    await handover.close()
    assert disk.kept == [poll(0), [*poll(1), *poll(2), *poll(3)]]


async def test_polls_wait_where_too_much_waits_already() -> None:
    disk = SlowDisk()
    handover = Handover(disk)
    await handover.give(poll(0))
    await asyncio.sleep(0)
    giving = asyncio.create_task(handover.give(poll(1, 6000)))
    await asyncio.sleep(0.01)
    assert not giving.done()
    disk.writable.set()
    await giving
    assert [len(some) for some in disk.kept] == [1, 6000]


async def test_a_poll_that_is_cancelled_while_it_waits_takes_nothing_with_it() -> None:
    disk = SlowDisk()
    handover = Handover(disk)
    await handover.give(poll(0))
    await asyncio.sleep(0)
    giving = asyncio.create_task(handover.give(poll(1, 6000)))
    await asyncio.sleep(0.01)
    giving.cancel()
    await asyncio.wait([giving])
    disk.writable.set()
    await handover.close()
    assert [len(some) for some in disk.kept] == [1, 6000]


async def test_what_the_sink_raises_comes_back() -> None:
    class Broken(SlowDisk):
        async def accept(self, *_: object, **__: object) -> None:
            raise ValueError("broken")

    handover = Handover(Broken())
    await handover.give(poll(0))
    await asyncio.sleep(0.01)
    with pytest.raises(ValueError, match="broken"):
        await handover.give(poll(1))
    await handover.close()
