"""What only the store in a file has to stand: sudden ends, full disks, a second opener."""

import asyncio
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest

from metering.instant import HOUR, QUARTER_HOUR, SECOND, Window
from metering.quality import Quality
from metering.reading import Reading, Series
from storage.embedded.store import EmbeddedStore
from storage.protocol import Aggregate, StoreRefused, StoreUnavailable
from storage.settings import EmbeddedSettings
from tests.storage.conftest import FreshStore, opened

ALWAYS = Window(-(2**62), 2**62)
POWER = Series("meter", "active_power")
ROOT = Path(__file__).parents[2]

# Writes batch after batch, and says the number of each batch once it is written.
ENDLESS_WRITER = """
import asyncio, sys
from pathlib import Path
from metering.reading import Reading
from storage.embedded.store import EmbeddedStore
from storage.settings import EmbeddedSettings

async def main():
    store = EmbeddedStore(EmbeddedSettings(path=Path(sys.argv[1])))
    await store.start()
    n = 0
    while True:
        await store.write([Reading(f"meter {d}", "active_power", float(n), n) for d in range(20)])
        print(n, flush=True)
        n += 1

asyncio.run(main())
"""

# Fills the file up to a limit set by the operating system, as a full disk would, then goes on after the limit is gone.
FULL_DISK = """
import asyncio, resource, sys
from pathlib import Path
from metering.instant import Window
from metering.reading import Reading, Series
from storage.embedded.store import EmbeddedStore
from storage.protocol import StoreUnavailable
from storage.settings import EmbeddedSettings

POWER = Series("meter", "active_power")

def batch(n):
    return [Reading(*POWER, (i * 7919) % 10007 / 3, n * 1000 + i) for i in range(1000)]

async def main():
    store = EmbeddedStore(EmbeddedSettings(path=Path(sys.argv[1])))
    await store.start()
    await store.write(batch(0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
    written, full = 1, False
    while not full:
        try:
            await store.write(batch(written))
            written += 1
        except StoreUnavailable as error:
            full = True
            print(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    for n in range(written, 50):
        await store.write(batch(n))
    samples = (await store.samples([POWER], Window(0, 2**62)))[POWER]
    assert samples.times_us.tolist() == list(range(50_000)), "something was lost or doubled"
    await store.close()

asyncio.run(main())
"""


async def endless_writer(path: Path) -> tuple[asyncio.subprocess.Process, list[bytes]]:
    """A process that writes, and the first line it said."""
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ENDLESS_WRITER, str(path), stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )
    return writer, [await said_by(writer)]


async def said_by(writer: asyncio.subprocess.Process) -> bytes:
    assert writer.stdout is not None
    return await writer.stdout.readline()


async def test_every_write_that_returned_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "readings.duckdb"
    writer, said = await endless_writer(path)
    said += [await said_by(writer) for _ in range(40)]
    writer.kill()
    said += (await writer.communicate())[0].splitlines(keepends=True)
    returned = [int(line) for line in said if line.endswith(b"\n")]
    assert len(returned) >= 40
    async with opened(EmbeddedSettings(path=path)) as store:
        keys = [Series(f"meter {d}", "active_power") for d in range(20)]
        assert await store.series() == sorted(keys)
        for samples in (await store.samples(keys, ALWAYS)).values():
            assert samples.times_us.tolist()[: len(returned)] == returned
        await store.write([Reading(*keys[0], -1.0, returned[0])])
        assert await store.count(Window(0, len(returned))) == 20 * len(returned)


# Writes old readings and condenses them, again and again, and says the number of each batch once it is written.
CONDENSING_WRITER = """
import asyncio, sys
from pathlib import Path
from metering.instant import DAY, QUARTER_HOUR
from metering.reading import Reading
from storage.factory import open_store
from storage.settings import EmbeddedSettings

async def main():
    store = open_store(EmbeddedSettings(path=Path(sys.argv[1])))
    await store.start()
    n = max((reading.time_us for reading in await store.latest()), default=-QUARTER_HOUR) // QUARTER_HOUR + 1
    print("up", flush=True)
    while True:
        await store.write([Reading(f"meter {d}", "active_power", float(n), n * QUARTER_HOUR) for d in range(5)])
        print(n, flush=True)
        if n % 20 == 0:
            await store.condense(n * QUARTER_HOUR + 95 * DAY)
        n += 1

asyncio.run(main())
"""


async def test_kills_at_any_moment_lose_nothing_while_old_readings_are_condensed(tmp_path: Path) -> None:
    path, moments, returned = tmp_path / "readings.duckdb", Random(7), -1
    for _ in range(4):
        writer = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CONDENSING_WRITER, str(path), stdout=asyncio.subprocess.PIPE, cwd=ROOT
        )
        assert (await said_by(writer)) == b"up\n"
        said = [await said_by(writer) for _ in range(moments.randint(15, 60))]
        await asyncio.sleep(moments.uniform(0, 0.02))
        writer.kill()
        said += (await writer.communicate())[0].splitlines(keepends=True)
        returned = max([returned, *(int(line) for line in said if line.endswith(b"\n"))])
    async with opened(EmbeddedSettings(path=path)) as store:
        keys = [Series(f"meter {d}", "active_power") for d in range(5)]
        end = Window(0, (returned + 1) * QUARTER_HOUR)
        assert returned > 40
        assert await store.count(end) == 5 * (returned + 1)
        for samples in (await store.aggregate(keys, end, QUARTER_HOUR, Aggregate.MEAN)).values():
            assert samples.values.tolist() == list(map(float, range(returned + 1)))


async def test_the_same_readings_again_and_again_do_not_grow_the_file(tmp_path: Path) -> None:
    settings = EmbeddedSettings(path=tmp_path / "readings.duckdb")
    readings = [Reading("meter", "active_power", n / 7, n * SECOND) for n in range(20_000)]
    sizes = []
    for _ in range(12):
        async with opened(settings) as store:
            await store.write(readings)
            assert await store.count(ALWAYS) == len(readings)
        sizes.append(settings.path.stat().st_size)
    assert max(sizes[6:]) <= max(sizes[:6])


def test_a_full_disk_loses_nothing_and_is_over_when_there_is_room(tmp_path: Path) -> None:
    path = tmp_path / "readings.duckdb"
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path)], capture_output=True, text=True, timeout=180, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    assert "readings.duckdb cannot be used" in done.stdout


async def test_a_file_has_one_store_at_a_time(tmp_path: Path) -> None:
    settings = EmbeddedSettings(path=tmp_path / "readings.duckdb")
    async with opened(settings):
        second = EmbeddedStore(settings)
        with pytest.raises(StoreUnavailable, match="another"):
            await second.start()
        await second.close()
    async with opened(settings) as store:
        await store.write([Reading(*POWER, 1.0, 0)])
    with duckdb.connect(str(settings.path)), pytest.raises(StoreUnavailable):
        await EmbeddedStore(settings).start()


async def test_another_process_keeps_the_file_to_itself(tmp_path: Path) -> None:
    path = tmp_path / "readings.duckdb"
    writer, _ = await endless_writer(path)
    store = EmbeddedStore(EmbeddedSettings(path=path))
    try:
        with pytest.raises(StoreUnavailable, match=str(writer.pid)):
            await store.start()
    finally:
        writer.kill()
        await writer.communicate()
    await store.start()
    assert await store.series()
    await store.close()


async def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database\n" * 1000)
    store = EmbeddedStore(EmbeddedSettings(path=path))
    with pytest.raises(StoreUnavailable, match=r"notes\.txt"):
        await store.start()
    await store.close()


async def test_what_was_written_is_there_after_closing(tmp_path: Path) -> None:
    settings = EmbeddedSettings(path=tmp_path / "new folder" / "readings.duckdb")
    newest = Reading(*POWER, 2.0, HOUR, Quality.SUSPECT, "range")
    async with opened(settings) as store:
        await store.write([Reading(*POWER, 1.0, 0), newest])
    async with opened(settings) as store:
        assert await store.latest() == [newest]
        await store.write([Reading(*POWER, 3.0, 0), Reading("other", "voltage", 1.0, 0)])
        assert (await store.samples([POWER], ALWAYS))[POWER].values.tolist() == [3.0, 2.0]
        assert await store.count(ALWAYS) == 3


async def test_a_plain_reading_replaces_a_doubted_one(fresh_embedded: FreshStore) -> None:
    async with fresh_embedded() as store:
        await store.write([Reading(*POWER, 1.0, 0, Quality.SUSPECT, "range")])
        await store.write([Reading(*POWER, 1.0, 0)])
        assert await store.flagged(ALWAYS) == []
        assert await store.latest() == [Reading(*POWER, 1.0, 0)]


async def test_writers_and_readers_do_not_disturb_each_other(fresh_embedded: FreshStore) -> None:
    async def write(n: int) -> None:
        for second in range(10):
            await store.write([Reading(f"meter {n}", "active_power", 1.0, second * SECOND)])

    async def read() -> None:
        for _ in range(10):
            await asyncio.gather(store.count(ALWAYS), store.latest(), store.flagged(ALWAYS), store.series())

    async with fresh_embedded() as store:
        await asyncio.gather(*(write(n) for n in range(5)), read(), read())
        assert await store.count(ALWAYS) == 50


async def test_a_cancelled_write_is_whole_or_absent_and_the_next_one_works(fresh_embedded: FreshStore) -> None:
    readings = [Reading(f"meter {n}", "active_power", 1.0, 0) for n in range(5000)]
    async with fresh_embedded() as store:
        task = asyncio.create_task(store.write(readings))
        await asyncio.sleep(0)
        task.cancel()
        await store.write([Reading(*POWER, 1.0, 0)])
        assert await store.count(ALWAYS) in (1, 5001)
        await store.write(readings)
        assert await store.count(ALWAYS) == 5001


async def test_a_refused_batch_leaves_everything_as_it_was(fresh_embedded: FreshStore) -> None:
    before = Reading(*POWER, 1.0, 0)
    without_reason: Any = None
    async with fresh_embedded() as store:
        await store.write([before])
        with pytest.raises(StoreRefused, match="NOT NULL"):
            await store.write([Reading(*POWER, 2.0, 0), Reading("new", "voltage", 3.0, 0, reason=without_reason)])
        assert await store.latest() == [before]
        await store.write([Reading("new", "voltage", 3.0, 0)])
        assert (await store.samples([POWER], ALWAYS))[POWER].values.tolist() == [1.0]
        assert await store.series() == [POWER, Series("new", "voltage")]
