"""The gateway as a whole: received = stored + rejected + queued, whatever the store and the collectors do."""

import asyncio
import itertools
import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from collectors.protocol import DeadLetter, Receipts
from gateway.gateway import Gateway
from gateway.journal import JournalInUse
from gateway.quarantine import cases
from gateway.status import CollectorState, DeviceState
from metering.clock import Clock
from metering.instant import Window
from metering.reading import Reading
from storage.embedded.store import EmbeddedStore
from storage.protocol import StoreRefused, StoreUnavailable
from storage.settings import EmbeddedSettings
from tests.gateway.parts import (
    DEVICES,
    START_US,
    Failing,
    ScriptedStore,
    Speaker,
    adds_up,
    reading,
    running,
    settings_in,
    until,
)
from tests.patience import PATIENCE_S

BATCHES = [[reading(3 * n + i) for i in range(3)] for n in range(100)]
ALL = [item for batch in BATCHES for item in batch]


async def test_what_collectors_say_is_in_the_store(tmp_path: Path) -> None:
    store = EmbeddedStore(EmbeddedSettings(path=tmp_path / "store.duckdb"))
    await store.start()
    others = [[Reading("other", item.quantity, item.value, item.time_us) for item in batch] for batch in BATCHES]
    speakers = [Speaker(BATCHES, "one"), Speaker(others, "two")]
    async with running(store, speakers, settings_in(tmp_path)) as gateway:
        await until(lambda: gateway.status().stored == 600)
        status = gateway.status()
        assert (status.received, status.queued, status.rejected) == (600, 0, {})
        assert status.problems == ()
    assert await store.count(Window(START_US, START_US + 300)) == 600
    await store.close()


async def test_counts_add_up_at_any_instant(tmp_path: Path) -> None:
    turns = itertools.count()
    poison = {reading(n) for n in range(0, 300, 50)}

    def script(readings: Sequence[Reading]) -> None:
        if next(turns) % 3 == 0:
            raise StoreUnavailable("busy")
        if poison.intersection(readings):
            raise StoreRefused("field type conflict")

    strangers = [[reading(n), reading(n, "stranger")] for n in range(300, 400)]
    speakers = [Speaker(BATCHES, "one"), Speaker(strangers, "two")]
    async with running(ScriptedStore(script), speakers, settings_in(tmp_path)) as gateway:
        async with asyncio.timeout(PATIENCE_S):
            while (status := gateway.status()).stored + sum(status.rejected.values()) < 500:
                assert adds_up(gateway)
                await asyncio.sleep(0.0005)  # a loop without a pause starves the thread that writes to the disk
        assert gateway.status().rejected == {"unknown_device": 100, "refused": 6}
        assert gateway.status().received == 500
    refused = [case for case in cases(tmp_path / "quarantine") if case.reason == "refused"]
    assert {case.reading for case in refused} == poison
    assert {case.detail for case in refused} == {"StoreRefused: field type conflict"}


async def test_the_stores_own_wish_for_a_pause_is_honoured(tmp_path: Path) -> None:
    calls: list[float] = []

    def script(_: Sequence[Reading]) -> None:
        calls.append(asyncio.get_running_loop().time())
        if len(calls) == 1:
            raise StoreUnavailable("later", retry_after_s=0.2)

    async with running(ScriptedStore(script), [Speaker([[reading(1)]])], settings_in(tmp_path)) as gateway:
        await until(lambda: gateway.status().store.failing_since_us is not None)
        store = gateway.status().store
        assert store.lag_s > 0
        assert store.error == "StoreUnavailable: later"
        await until(lambda: gateway.status().stored == 1)
        assert gateway.status().store.error == ""
        assert gateway.status().store.lag_s == 0
    assert calls[1] - calls[0] >= 0.2


async def test_shutdown_leaves_the_rest_on_disk_for_the_next_start(tmp_path: Path) -> None:
    def down(_: Sequence[Reading]) -> None:
        raise StoreUnavailable("down")

    settings = settings_in(tmp_path, drain_s=0.05)
    speaker = Speaker(BATCHES)
    async with running(ScriptedStore(down), [speaker], settings) as gateway:
        await until(lambda: speaker.returned == 300)
    assert gateway.status().queued == 300
    assert gateway.status().collectors[0].state is CollectorState.STOPPED
    store = ScriptedStore()
    async with running(store, [], settings) as gateway:
        assert gateway.status().queued_at_start == 300
        assert gateway.intake.is_known("speaker", 99, 1)
        assert not gateway.intake.is_known("speaker", 100, 1)
        await until(lambda: gateway.status().queued == 0)
        assert adds_up(gateway)
    assert store.writes == ALL


async def test_shutdown_drains_what_it_can(tmp_path: Path) -> None:
    gate = asyncio.Event()

    class Slow(ScriptedStore):
        async def write(self, readings: Sequence[Reading]) -> None:
            await gate.wait()
            await super().write(readings)

    store, speaker = Slow(), Speaker(BATCHES)
    async with running(store, [speaker], settings_in(tmp_path, drain_s=PATIENCE_S)):
        await until(lambda: speaker.returned == 300)
        assert store.writes == []
        asyncio.get_running_loop().call_later(0.05, gate.set)
    assert store.writes == ALL


@pytest.mark.parametrize("error", [ConnectionError("ftp://me:secret@host is gone"), asyncio.CancelledError(), None])
async def test_a_bad_collector_is_started_again_and_stops_no_other(tmp_path: Path, error: BaseException | None) -> None:
    store, failing, speaker = ScriptedStore(), Failing(error), Speaker(BATCHES)
    async with running(store, [failing, speaker], settings_in(tmp_path)) as gateway:
        await until(lambda: failing.starts > 3 and gateway.status().stored == 300)
        bad, good = gateway.status().collectors
        assert bad.restarts >= 2
        assert good.state is CollectorState.RUNNING
        assert good.restarts == 0
        assert "secret" not in bad.error
        assert bad.error
    assert store.writes == ALL


async def test_full_outbox_makes_collectors_wait_and_says_so(tmp_path: Path) -> None:
    down = True

    def script(_: Sequence[Reading]) -> None:
        if down:
            raise StoreUnavailable("down")

    store, speaker = ScriptedStore(script), Speaker([[reading(2000 * n + i) for i in range(2000)] for n in range(40)])
    async with running(store, [speaker], settings_in(tmp_path, outbox_max_mb=1)) as gateway:
        await until(lambda: gateway.status().outbox_full)
        status = gateway.status()
        assert status.outbox_bytes <= status.outbox_max_bytes == 1_000_000
        assert speaker.returned < 80_000
        assert any("outbox is full" in problem for problem in status.problems)
        down = False
        await until(lambda: speaker.returned == 80_000 and gateway.status().queued == 0)
        assert gateway.status().problems == ()
        assert adds_up(gateway)
    assert len(set(store.writes)) == 80_000


async def test_doubts_are_stored_and_lifted(tmp_path: Path) -> None:
    values = [1000.0 + n for n in range(20)] + [400e3, 400e3 + 1]
    batch = [Reading("meter", "active_power", value, START_US + n * 10_000_000) for n, value in enumerate(values)]
    async with running(store := ScriptedStore(), [Speaker([batch])], settings_in(tmp_path)) as gateway:
        await until(lambda: gateway.status().stored == 23)
        status = gateway.status()
        assert (status.suspect, status.confirmed, status.received) == ({"spike": 1}, 1, 23)
        assert adds_up(gateway)
    final = {item.time_us: item for item in store.writes}
    assert [item.reason for item in final.values()] == [""] * 20 + ["confirmed", ""]


async def test_rejected_readings_and_dead_letters_are_kept_with_their_reason(tmp_path: Path) -> None:
    letter = DeadLetter("broker", "topic", b"\xff", START_US, "no decoder")
    bad = Reading("meter", "illuminance", math.nan, START_US)
    async with running(ScriptedStore(), [], settings_in(tmp_path)) as gateway:
        await gateway.intake.accept([bad, reading(1)], Receipts("broker", {1: 1}))
        await gateway.intake.dead_letter(letter)
        status = gateway.status()
        assert (status.received, status.rejected, status.dead_letters) == (2, {"not_finite": 1}, 1)
        assert gateway.intake.is_known("broker", 1, 1)
        kept = list(cases(tmp_path / "quarantine"))
        assert [case.reason for case in kept] == ["not_finite", "no decoder"]
        assert kept[1].letter == letter
        assert gateway.devices()[0].error == "reading of illuminance rejected: not_finite"


async def test_devices_are_online_once_heard_and_late_before(tmp_path: Path) -> None:
    async with running(ScriptedStore(), [], settings_in(tmp_path)) as gateway:
        await gateway.intake.accept([reading(1)])
        gateway.intake.failed("sensor", "no answer within 1 s")
        gateway.intake.failed("stranger", "is passed over")
        assert gateway.status().devices == {DeviceState.ONLINE: 1, DeviceState.LATE: 2, DeviceState.SILENT: 0}
        sensor = gateway.devices()[2]
        assert (sensor.state, sensor.failures, sensor.error) == (DeviceState.LATE, 1, "no answer within 1 s")


async def test_a_second_gateway_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    async with running(ScriptedStore(), [], settings_in(tmp_path)):
        with pytest.raises(JournalInUse, match="outbox is in use"):
            await Gateway(ScriptedStore(), [], DEVICES, settings_in(tmp_path), Clock()).run()


def test_collectors_need_names_of_their_own(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="2 collectors are named 'speaker'"):
        Gateway(ScriptedStore(), [Speaker([]), Speaker([])], DEVICES, settings_in(tmp_path), Clock())
