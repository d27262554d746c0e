"""From outbox to store: any pattern of answers, and restarts in between, lose nothing and store once and in order."""

import asyncio
import contextlib
import itertools
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.outbox import Outbox
from gateway.quarantine import Quarantine, cases
from gateway.writer import Writer
from metering.clock import Clock
from metering.reading import Reading
from storage.protocol import StoreError, StoreRefused, StoreUnavailable
from tests.gateway.parts import ScriptedStore, reading, settings_in, until


@contextlib.asynccontextmanager
async def writing(folder: Path, store: ScriptedStore, batch_readings: int) -> AsyncIterator[tuple[Outbox, Writer]]:
    outbox, quarantine = Outbox(folder / "outbox", 1 << 20, Clock()), Quarantine(folder / "quarantine", 1 << 20)
    await outbox.open()
    await quarantine.open()
    writer = Writer(store, outbox, quarantine, settings_in(folder, batch_readings=batch_readings), Clock())
    task = asyncio.create_task(writer.run())
    yield outbox, writer
    task.cancel()
    await asyncio.wait([task])
    await quarantine.close()
    await outbox.close()


def answers(script: Sequence[str], poison: set[Reading]) -> Callable[[Sequence[Reading]], None]:
    """Let the store answer as the script says, then take everything; it always refuses what is poison."""
    left = iter(script)

    def answer(readings: Sequence[Reading]) -> None:
        match next(left, "takes"):
            case "unavailable":
                raise StoreUnavailable("down", retry_after_s=0.001)
            case "other error":
                raise StoreError("some")
            case "breaks":
                raise RuntimeError("a defect of the store")
        if poison.intersection(readings):
            raise StoreRefused("no")

    return answer


@settings(max_examples=50, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 12), max_size=12),
    script=st.lists(st.sampled_from(["takes", "takes", "unavailable", "other error", "breaks"]), max_size=25),
    poisoned=st.sets(st.integers(0, 60), max_size=8),
    batch_readings=st.integers(1, 20),
    stop_after=st.none() | st.integers(0, 5),
)
def test_any_pattern_of_answers_loses_nothing_and_stores_once_in_order(
    sizes: list[int], script: list[str], poisoned: set[int], batch_readings: int, stop_after: int | None
) -> None:
    numbers = itertools.count()
    appends = [[reading(next(numbers)) for _ in range(size)] for size in sizes]
    everything = [item for append in appends for item in append]
    poison = {reading(n) for n in poisoned}.intersection(everything)

    async def scenario(folder: Path) -> None:
        store = ScriptedStore(answers(script, poison))
        async with writing(folder, store, batch_readings) as (outbox, writer):
            for append in appends:
                await outbox.append(append)
            if stop_after is None:
                await until(lambda: outbox.queued == 0)
                assert (writer.stored, writer.refused) == (len(everything) - len(poison), len(poison))
            else:
                for _ in range(stop_after):
                    await asyncio.sleep(0.001)
        async with writing(folder, store, batch_readings) as (outbox, writer):
            await until(lambda: outbox.queued == 0)
            assert outbox.queued_at_start == writer.stored + writer.refused
        once = list(dict.fromkeys(store.writes))
        assert once == [item for item in everything if item not in poison]
        if stop_after is None and "breaks" not in script:  # then no batch had to be begun again
            assert store.writes == once
        assert {case.reading for case in cases(folder / "quarantine")} == poison

    with tempfile.TemporaryDirectory() as name:
        asyncio.run(scenario(Path(name)))


async def test_a_series_that_is_always_refused_costs_one_write_a_reading(tmp_path: Path) -> None:
    calls: list[int] = []
    refuses = True

    def script(readings: Sequence[Reading]) -> None:
        calls.append(len(readings))
        if refuses and any(item.device == "other" for item in readings):
            raise StoreRefused("field type conflict")

    def mixed(first: int) -> list[Reading]:
        return [reading(n, "other" if n % 100 == 0 else "meter") for n in range(first, first + 1000)]

    store = ScriptedStore(script)
    async with writing(tmp_path, store, 1000) as (outbox, writer):
        for n in range(3):
            await outbox.append(mixed(1000 * n))
            await until(lambda: outbox.queued == 0)
        assert calls[-11:] == [990, *[1] * 10]  # the first of them had to be found by halving
        refuses = False
        await outbox.append(mixed(3000))
        await until(lambda: outbox.queued == 0)
        await outbox.append(mixed(4000))
        await until(lambda: outbox.queued == 0)
        assert calls[-1] == 1000  # the store takes it again
        assert (writer.refused, writer.stored) == (30, 4970)
    assert min(item.time_us for item in store.writes if item.device == "other") == reading(3000).time_us
