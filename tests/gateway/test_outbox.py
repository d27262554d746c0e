"""The outbox: what an append returned for is there, once, in order, whatever happens in between."""

import asyncio
import contextlib
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from collectors.protocol import Receipts
from gateway.frames import scan
from gateway.journal import Position, segment_files
from gateway.outbox import Outbox
from gateway.receipts import Accepted, load, save
from gateway.stretches import Batch
from metering.clock import Clock
from metering.reading import Reading
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parent.parent.parent


def reading(n: int) -> Reading:
    return Reading("meter", "active_power", float(n), n)


@contextlib.asynccontextmanager
async def opened(folder: Path, max_bytes: int = 1 << 20, *, newest_first: bool = False) -> AsyncIterator[Outbox]:
    outbox = Outbox(folder, max_bytes, Clock(), newest_first=newest_first)
    await outbox.open()
    try:
        yield outbox
    finally:
        await outbox.close()


async def taken(outbox: Outbox, most: int = 1 << 20) -> Batch:
    async with asyncio.timeout(PATIENCE_S):
        return await outbox.take(most)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - the outbox has no event for this
            await asyncio.sleep(0.001)


def times(batch: Batch) -> list[int]:
    return [item.time_us for item in batch.readings]


async def committed(outbox: Outbox, most: int) -> Batch:
    """The next batch, stored; an empty one if nothing waits."""
    if outbox.queued == 0:
        return Batch([], 0, Position(0, 0), 0)
    batch = await taken(outbox, most)
    await outbox.commit(batch)
    return batch


async def everything(outbox: Outbox) -> list[int]:
    stored: list[int] = []
    while outbox.queued:
        stored += times(await committed(outbox, 100))
    return stored


async def test_appends_return_durable_and_in_order(tmp_path: Path) -> None:
    async with opened(tmp_path) as outbox:
        await asyncio.gather(*(outbox.append([reading(2 * n), reading(2 * n + 1)]) for n in range(50)))
        assert outbox.queued == outbox.appended == 100
    async with opened(tmp_path) as outbox:
        assert (outbox.queued_at_start, outbox.appended) == (100, 0)
        assert await everything(outbox) == list(range(100))
        assert outbox.queued == 0
    async with opened(tmp_path) as outbox:
        assert outbox.queued_at_start == 0


async def test_concurrent_appends_share_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(
        "gateway.journal.sync", lambda descriptor: (synced.append(descriptor), os.fdatasync(descriptor))
    )
    async with opened(tmp_path) as outbox:
        await asyncio.gather(*(outbox.append([reading(n)]) for n in range(500)))
        assert 1 <= len(synced) <= 3


async def test_uncommitted_batches_come_again(tmp_path: Path) -> None:
    async with opened(tmp_path) as outbox:
        for n in range(9):
            await outbox.append([reading(n)])
        await outbox.commit(await taken(outbox, 3))
        lost = await taken(outbox, 3)
        outbox.rewind()
        assert await taken(outbox, 3) == lost
    async with opened(tmp_path) as outbox:
        assert await everything(outbox) == list(range(3, 9))


async def test_a_big_append_goes_out_in_parts(tmp_path: Path) -> None:
    async with opened(tmp_path, 1 << 24) as outbox:
        await outbox.append([reading(n) for n in range(10_000)])
        first = await taken(outbox, 1000)
        assert len(first.readings) == 2000
        await outbox.commit(first)
        assert await everything(outbox) == list(range(2000, 10_000))


async def test_receipts_survive_restarts_and_deleted_segments(tmp_path: Path) -> None:
    async with opened(tmp_path, 64_000) as outbox:  # segments of 4,000 bytes
        for n in range(300):
            await outbox.append([reading(n)], Receipts("broker", {n: 7 * n}))
            assert outbox.is_known("broker", n, 7 * n)
        assert not outbox.is_known("broker", 300, 2100)
        assert len(await everything(outbox)) == 300
        assert len(segment_files(tmp_path)) == 1
    for _ in range(2):
        async with opened(tmp_path, 64_000) as outbox:
            assert all(outbox.is_known("broker", n, 7 * n) for n in range(300))
            assert not outbox.is_known("other broker", 1, 7)


async def test_receipts_without_readings_are_kept_and_do_not_fill_it(tmp_path: Path) -> None:
    async with opened(tmp_path, 16_000) as outbox:
        for n in range(100):
            await outbox.append([], Receipts("broker", {n: 1}))
            await outbox.commit(await taken(outbox))
        assert len(segment_files(tmp_path)) <= 2
    async with opened(tmp_path, 16_000) as outbox:
        assert all(outbox.is_known("broker", n, 1) for n in range(100))


def test_receipts_forget_the_oldest_and_replace_reused_numbers(tmp_path: Path) -> None:
    accepted = Accepted(numbers=3, channels=2)
    accepted.add(Receipts("silent", {1: 9}))
    accepted.add(Receipts("broker", {1: 7, 2: 7, 3: 7}))
    accepted.add(Receipts("other", {1: 5}))
    accepted.add(Receipts("broker", {2: 8}))
    assert accepted.snapshot() == [
        Receipts("other", {1: 5}),
        Receipts("broker", {1: 7, 2: 7, 3: 7}),
        Receipts("broker", {2: 8}),
    ]
    again = Accepted(numbers=3, channels=2)
    for receipts in accepted.snapshot():
        again.add(receipts)
    assert again.snapshot() == accepted.snapshot()
    assert accepted.has("broker", 1, 7)
    assert accepted.has("broker", 2, 8)
    assert not accepted.has("broker", 2, 7)
    assert not accepted.has("other", 2, 5), "behind the last of the channel"
    assert not accepted.has("silent", 1, 9)
    save(accepted.snapshot(), tmp_path / "receipts")
    assert load(tmp_path / "receipts") == accepted.snapshot()
    (tmp_path / "receipts").write_bytes(b"damaged")
    assert load(tmp_path / "receipts") == load(tmp_path / "missing") == []


@pytest.mark.parametrize("batch", [1, 500])
def test_a_delivery_like_the_one_under_its_packet_id_a_round_ago_is_news(batch: int) -> None:
    """Many devices say the same for hours, and a broker counts its packet ids round and round."""
    accepted, ids = Accepted(), list(range(1, 65_536))
    for start in range(0, len(ids), batch):
        accepted.add(Receipts("broker", dict.fromkeys(ids[start : start + batch], 7)))
    assert all(accepted.has("broker", number, 7) for number in ids[-10_000:])
    assert not any(accepted.has("broker", number, 7) for number in ids[:10_000])


async def test_full_means_waiting_and_room_ends_it(tmp_path: Path) -> None:
    async with opened(tmp_path, 16_000) as outbox:

        async def collector() -> None:
            for n in range(100):
                await outbox.append([reading(10 * n + i) for i in range(10)])

        collecting = asyncio.create_task(collector())
        await until(lambda: outbox.full)
        assert outbox.size <= 16_000
        assert not collecting.done()
        stored: list[int] = []
        while not collecting.done() or outbox.queued:
            batch = await taken(outbox, 20)
            stored += times(batch)
            await outbox.commit(batch)
            await asyncio.sleep(0)
            assert outbox.size <= 16_000
        assert stored == list(range(1000))
        assert not outbox.full


async def test_an_append_given_up_while_it_waits_is_not_half_there(tmp_path: Path) -> None:
    async with opened(tmp_path) as outbox:
        kept = asyncio.create_task(outbox.append([reading(1)]))
        given_up = asyncio.create_task(outbox.append([reading(2), reading(3)]))
        await asyncio.sleep(0)
        given_up.cancel()
        await kept
        with pytest.raises(asyncio.CancelledError):
            await given_up
        assert outbox.queued == outbox.appended
        assert await everything(outbox) in ([1], [1, 2, 3])


@contextlib.contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


async def test_a_disk_that_takes_no_more_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.journal_thread._RETRY_S", 0.01)
    async with opened(tmp_path) as outbox:
        await outbox.append([reading(0)])
        with files_of_at_most(200), capture_logs() as said:
            append = asyncio.create_task(outbox.append([reading(n) for n in range(1, 50)]))
            await until(lambda: bool(outbox.trouble))
            assert "File too large" in outbox.trouble
            await asyncio.sleep(0.1)  # many attempts
            assert not append.done()
        assert [line["event"] for line in said] == ["disk_write_failed"]
        with capture_logs() as said:
            await append
        assert [line["event"] for line in said] == ["disk_writes_again"]
        assert not outbox.trouble
        assert await everything(outbox) == list(range(50))
    async with opened(tmp_path) as outbox:
        assert (outbox.queued, outbox.damaged) == (0, 0)


async def test_a_damaged_cursor_means_storing_again(tmp_path: Path) -> None:
    async with opened(tmp_path) as outbox:
        await outbox.append([reading(1)])
        await everything(outbox)
        await outbox.append([reading(2)])
    (tmp_path / "cursor").write_bytes(b"\0" * 20)
    async with opened(tmp_path) as outbox:
        assert await everything(outbox) == [1, 2]


async def test_damage_while_it_runs_is_a_counted_loss(tmp_path: Path) -> None:
    async with opened(tmp_path) as outbox:
        for n in range(3):
            await outbox.append([reading(n), reading(10 + n)])
        path = segment_files(tmp_path)[0]
        data = bytearray(path.read_bytes())
        data[list(scan(bytes(data)))[1].offset + 20] ^= 255
        path.write_bytes(data)
        batch = await taken(outbox)
        assert ([item.time_us for item in batch.readings], batch.lost) == ([0, 10, 2, 12], 2)
        await outbox.commit(batch)
        assert outbox.queued == 0


async def test_newest_first_what_comes_goes_before_a_backlog(tmp_path: Path) -> None:
    async with opened(tmp_path, 64_000, newest_first=True) as outbox:
        for n in range(100):
            await outbox.append([reading(n)])
        stored = times(await committed(outbox, 10))  # before anybody knows that it is a backlog
        for n in range(100, 190):
            await outbox.append([reading(n)])
            batches = [times(await committed(outbox, 10)) for _ in range(2)]
            stored += [time for batch in batches for time in batch]
            assert n in stored, "at the latest with the second batch"
            if n < 105:
                assert sorted(map(len, batches)) == [1, 10], "and the backlog in its turn"
        assert stored != sorted(stored)
        assert sorted(stored) == list(range(190))
        assert outbox.queued == 0
        assert len(segment_files(tmp_path)) == 1


async def test_newest_first_a_second_outage_is_a_backlog_of_its_own(tmp_path: Path) -> None:
    stored: list[int] = []
    async with opened(tmp_path, newest_first=True) as outbox:
        for first in (0, 100, 200):
            for n in range(first, first + 90):
                await outbox.append([reading(n)])
            stored += times(await committed(outbox, 10)) + times(await committed(outbox, 10))
            await outbox.append([reading(first + 99)])
            stored += times(await committed(outbox, 10)) + times(await committed(outbox, 10))
            assert first + 99 in stored
    async with opened(tmp_path, newest_first=True) as outbox:
        assert outbox.queued == 273 - len(stored)
        rest = await everything(outbox)
    assert sorted(stored + rest) == [n for n in range(300) if n % 100 < 90 or n % 100 == 99]


@pytest.mark.parametrize("newest_first", [True, False])
async def test_whatever_is_left_of_the_cursor_nothing_is_lost(tmp_path: Path, *, newest_first: bool) -> None:
    stored: list[int] = []
    async with opened(tmp_path, newest_first=True) as outbox:
        for n in range(60):
            await outbox.append([reading(n)])
            if n in {30, 31, 45, 50, 51}:
                stored += times(await committed(outbox, 5))
    whole = (tmp_path / "cursor").read_bytes()
    assert stored != sorted(stored)
    for size in range(len(whole) + 1):
        (tmp_path / "cursor").write_bytes(whole[:size])
        async with opened(tmp_path, newest_first=newest_first) as outbox:
            batch = await taken(outbox)
            found = times(batch)
            while len(found) < outbox.queued:
                found += times(await taken(outbox))
            kept = stored if size == len(whole) else []
            assert sorted(found + kept) == list(range(60))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(["append", "append", "take", "commit", "rewind", "restart", "other order"]), max_size=50),
    st.integers(1, 12),
)
def test_newest_first_any_order_of_steps_loses_and_doubles_nothing(steps: list[str], most: int) -> None:
    async def scenario(folder: Path) -> None:
        newest_first = True
        outbox = Outbox(folder, 20_000, Clock(), newest_first=newest_first)
        await outbox.open()
        appended, batch = 0, None
        stored: list[int] = []
        for step in [*steps, "restart"]:
            if step == "append":
                await outbox.append([reading(appended + n) for n in range(5)])
                appended += 5
            elif step == "take" and batch is None and appended > len(stored):
                batch = await taken(outbox, most)
            elif step == "commit" and batch is not None:
                await outbox.commit(batch)
                stored += times(batch)
                batch = None
            elif step == "rewind":
                outbox.rewind()
                batch = None
            elif step in {"restart", "other order"}:
                newest_first ^= step == "other order"
                await outbox.close()
                outbox, batch = Outbox(folder, 20_000, Clock(), newest_first=newest_first), None
                await outbox.open()
            assert outbox.queued == appended - len(stored)
        assert sorted(stored + await everything(outbox)) == list(range(appended))
        await outbox.close()

    with tempfile.TemporaryDirectory() as name:
        asyncio.run(scenario(Path(name)))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(["append", "take", "commit", "rewind", "restart"]), max_size=40))
def test_any_order_of_steps_loses_nothing_and_stores_in_order(steps: list[str]) -> None:
    async def scenario(folder: Path) -> None:
        outbox = Outbox(folder, 20_000, Clock())
        await outbox.open()
        appended, stored, batch = 0, 0, None
        for step in [*steps, "restart"]:
            if step == "append":
                await outbox.append([reading(appended + n) for n in range(5)])
                appended += 5
            elif step == "take" and batch is None and appended > stored:
                batch = await taken(outbox, 7)
                assert batch.readings[0].time_us == stored
            elif step == "commit" and batch is not None:
                await outbox.commit(batch)
                stored += len(batch.readings)
                batch = None
            elif step == "rewind":
                outbox.rewind()
                batch = None
            elif step == "restart":
                await outbox.close()
                outbox, batch = Outbox(folder, 20_000, Clock()), None
                await outbox.open()
            assert outbox.queued == appended - stored
        assert await everything(outbox) == list(range(stored, appended))
        await outbox.close()

    with tempfile.TemporaryDirectory() as name:
        asyncio.run(scenario(Path(name)))


@pytest.mark.parametrize("mode", ["append", "store", "newest_first"])
async def test_kill_9_loses_no_append_that_returned(tmp_path: Path, mode: str) -> None:
    returned: set[int] = set()
    stored: set[int] = set()
    for start in (0, 30_000):
        lines = await asyncio.to_thread(killed_appender, tmp_path, mode, str(start))
        stored |= {int(line.split()[1]) for line in lines if line.startswith("stored")}
        returned |= {int(line) for line in lines if line.isdecimal()}
    assert len(returned) > 20
    async with opened(tmp_path, 2_000_000) as outbox:
        assert all(outbox.is_known("broker", n % 60_000, n) for n in returned)
        assert returned <= stored | set(await everything(outbox))


def killed_appender(folder: Path, *arguments: str) -> list[str]:
    """The lines that a child process has printed before it was killed, in the middle of its work."""
    command = [sys.executable, str(Path(__file__).with_name("appender.py")), str(folder), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "open\n"
        lines = [child.stdout.readline().strip() for _ in range(50)]
        child.kill()
        return [*lines, *child.stdout.read().split("\n")[:-1]]
