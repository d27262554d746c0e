"""The outbox is full: who can wait does, of the others the newest of each quarter-hour is kept, and all is counted."""

import asyncio
import os
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.typing import EventDict

from gateway.gateway import Gateway
from gateway.intake import Intake
from gateway.thinning import THINNED, Thinner
from metering.clock import Clock
from metering.instant import MINUTE, QUARTER_HOUR, SECOND
from metering.quality import Quality
from metering.reading import Reading
from storage.protocol import StoreUnavailable
from tests.gateway.parts import DEVICES, START_US, ScriptedStore, adds_up, reading, running, settings_in, until
from tests.patience import PATIENCE_S


def register(time_us: int, value: float = 1.0, quality: Quality = Quality.MEASURED) -> Reading:
    return Reading("meter", "active_energy_import", value, time_us, quality, "backwards" if quality else "")


def test_the_newest_of_a_quarter_hour_stays_and_says_so() -> None:
    thinner = Thinner()
    assert thinner.add([register(0, 1), register(5 * MINUTE, 2), register(10 * MINUTE, 3)]) == []
    assert thinner.add([register(15 * MINUTE, 4)]) == [
        Reading("meter", "active_energy_import", 3, 10 * MINUTE, reason=THINNED)
    ]
    assert thinner.dropped == 2
    assert thinner.take() == [register(15 * MINUTE, 4)]  # nothing was left out beside it
    assert thinner.held == 0


def test_a_doubted_reading_takes_no_sound_ones_place() -> None:
    thinner = Thinner()
    thinner.add([register(0, 100), register(MINUTE, 0, Quality.SUSPECT)])
    assert [kept.value for kept in thinner.take()] == [100]


@given(st.lists(st.integers(0, 4 * QUARTER_HOUR - 1), max_size=60, unique=True))
def test_every_reading_is_kept_or_counted_and_each_quarter_hour_has_its_last(times: list[int]) -> None:
    thinner = Thinner()
    kept = [one for time in sorted(times) for one in thinner.add([register(time)])] + thinner.take()
    assert len(kept) + thinner.dropped == len(times)
    last = {time // QUARTER_HOUR: time for time in sorted(times)}
    assert [one.time_us for one in kept] == list(last.values())


@pytest.fixture
def down() -> list[bool]:
    return [True]


@pytest.fixture
def store(down: list[bool]) -> ScriptedStore:
    def script(_: Sequence[Reading]) -> None:
        if down[0]:
            raise StoreUnavailable("down")

    return ScriptedStore(script)


async def test_modbus_goes_on_thinned_while_mqtt_waits_and_nothing_is_unaccounted(
    tmp_path: Path, store: ScriptedStore, down: list[bool], logged: list[EventDict]
) -> None:
    async with running(store, [], settings_in(tmp_path, outbox_max_mb=1)) as gateway:
        await fill(gateway)
        waiting = asyncio.create_task(gateway.intake.accept([gauge("sensor", 1)]))
        await asyncio.sleep(0.02)
        assert not waiting.done()
        polls = [gauge("meter", 1_000_000 * SECOND + n * MINUTE) for n in range(120)]
        for poll in polls:
            await asyncio.wait_for(gateway.intake.accept([poll], can_wait=False), PATIENCE_S)
            assert adds_up(gateway)
        status = gateway.status()
        assert status.thinned["quarter_hour"] > 100
        assert any("outbox is full" in problem for problem in status.problems)
        down[0] = False
        await asyncio.wait_for(waiting, PATIENCE_S)
        await until(lambda: gateway.status().queued == 1)  # what is held for the running quarter-hour
        await gateway.intake.accept([gauge("meter", 2_000_000 * SECOND)], can_wait=False)
        await until(lambda: gateway.status().queued == 0)
        assert adds_up(gateway)
        assert not gateway.status().outbox_full
    told = [entry["event"] for entry in logged if entry["event"].startswith("outbox")]
    assert told[0] == "outbox_full"
    assert told[-1] == "outbox_has_room"
    kept = [item for item in store.writes if item in polls or item.reason == THINNED]
    assert len(kept) + gateway.status().thinned["quarter_hour"] == len(polls)
    assert kept[-1].time_us == polls[-1].time_us


async def test_a_stop_while_it_is_full_keeps_the_newest(tmp_path: Path, store: ScriptedStore) -> None:
    settings = settings_in(tmp_path, outbox_max_mb=1, drain_s=0)
    async with running(store, [], settings) as gateway:
        await fill(gateway)
        for n in range(10):
            await gateway.intake.accept([gauge("meter", n)], can_wait=False)
        thinned = sum(gateway.status().thinned.values())
    kept = ScriptedStore()
    async with running(kept, [], settings) as gateway:
        await until(lambda: gateway.status().queued == 0)
    times = [item.time_us - START_US for item in kept.writes if item.device == "meter"]
    assert (times[-1], len(times) + thinned) == (9, 10)
    assert thinned > 0


def gauge(device: str, after_us: int) -> Reading:
    return Reading(device, "illuminance", 1.0, START_US + after_us)


async def fill(gateway: Gateway) -> None:
    n = 0
    for batch in (5000, 100, 1):
        while await gateway.intake.outbox.append_at_once([gauge("other", n + i) for i in range(batch)]):
            n += batch


async def test_polls_that_come_together_share_a_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    intake = Intake(DEVICES, settings_in(tmp_path), Clock())
    async with intake.opened():
        writes = []
        append = intake.outbox._disk.append

        async def counted(frames: bytes, total: int) -> None:
            writes.append(total)
            await append(frames, total)

        monkeypatch.setattr(intake.outbox._disk, "append", counted)
        await asyncio.gather(*(intake.accept([reading(n)], can_wait=False) for n in range(50)))
    assert sum(writes) == 50
    assert len(writes) <= 2


async def test_polls_on_their_way_to_the_disk_are_kept_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those whose collector is cancelled while they wait behind another write: nobody will read them again."""

    def slowly(descriptor: int) -> None:
        time.sleep(0.2)
        os.fdatasync(descriptor)

    monkeypatch.setattr("gateway.journal.sync", slowly)
    intake = Intake(DEVICES, settings_in(tmp_path), Clock())
    async with intake.opened():
        polls = []
        for n in range(3):
            polls.append(asyncio.create_task(intake.accept([reading(n)], can_wait=False)))
            await asyncio.sleep(0.05)
        for poll in polls:
            poll.cancel()
    intake = Intake(DEVICES, settings_in(tmp_path), Clock())
    async with intake.opened():
        assert intake.queued == 3
