"""Old readings are condensed, and no question has another answer for it than the rules say: on every store."""

import contextlib
import dataclasses
from collections.abc import Sequence
from datetime import UTC, date, datetime

import numpy as np
import pytest

from metering.instant import DAY, HOUR, MINUTE, QUARTER_HOUR, Window, parse
from metering.localtime import LocalCalendar
from metering.quality import Quality
from metering.reading import Reading, Series
from storage.condensed import Level
from storage.protocol import Aggregate, StoreUnavailable
from storage.retained import RetainedStore
from storage.settings import RetentionSettings
from tests.storage.conftest import FreshStore

CALENDAR = LocalCalendar()
NOW = parse("2026-06-15T10:00:00Z")
MARCH = CALENDAR.month(2026, 3)  # with the day of 23 hours
POWER, ENERGY = Series("meter", "active_power"), Series("meter", "active_energy_import")
USED, SHARE = Series("school", "consumption"), Series("school", "completeness")
KEEP = RetentionSettings(raw_days=30, quarter_hour_days=3653)
SHORT = RetentionSettings(raw_days=30, quarter_hour_days=40)


def kept(store: RetainedStore, settings: RetentionSettings) -> RetainedStore:
    return RetainedStore(store.database, settings, CALENDAR)


def gauge(window: Window, step_us: int = 5 * MINUTE) -> list[Reading]:
    times = range(window.start_us, window.end_us, step_us)
    return [
        Reading(*POWER, float((n * 7919) % 1000), time_us, *((Quality.SUSPECT, "range") if n % 50 == 7 else ()))
        for n, time_us in enumerate(times)
    ]


def results(window: Window) -> list[Reading]:
    times = range(window.start_us, window.end_us, QUARTER_HOUR)
    return [Reading(*USED, (n * 37 % 100) / 4, time_us) for n, time_us in enumerate(times)] + [
        Reading(*SHARE, 1.0, time_us) for time_us in times
    ]


async def answers(
    store: RetainedStore, key: Series, window: Window, step_us: int
) -> dict[str, tuple[list[float], ...]]:
    found = {}
    for how in Aggregate:
        samples = (await store.aggregate([key], window, step_us, how))[key]
        found[how.value] = (samples.times_us.tolist(), np.round(samples.values, 6).tolist(), samples.qualities.tolist())
    return found


DAYS = Window(CALENDAR.midnight(date(2026, 3, 28)), CALENDAR.midnight(date(2026, 3, 30)))  # 24 and 23 hours


async def test_aggregates_of_whole_quarter_hours_stay_the_same_and_readings_go(fresh_store: FreshStore) -> None:
    async with fresh_store() as opened:
        store = kept(opened, KEEP)
        await store.write(gauge(DAYS))
        count = await store.count(Window(0, NOW))
        before = [await answers(store, POWER, DAYS, step) for step in (QUARTER_HOUR, HOUR, DAY)]
        done = await store.condense(NOW)
        assert done.quarter_hours == DAYS.duration_us // QUARTER_HOUR
        assert await store.database.count(Window(0, NOW)) == 1  # the newest stays
        assert [await answers(store, POWER, DAYS, step) for step in (QUARTER_HOUR, HOUR, DAY)] == before
        assert await store.count(Window(0, NOW)) == count
        assert (await store.latest())[0].time_us == DAYS.end_us - 5 * MINUTE
        again = await store.condense(NOW)
        assert [await answers(store, POWER, DAYS, step) for step in (QUARTER_HOUR, HOUR, DAY)] == before
        assert again.quarter_hours == 0


async def test_late_readings_count_once(fresh_store: FreshStore) -> None:
    """Late ones of a bucket nobody knew make it; the same ones written again, or a part of them, change nothing."""
    day = Window(DAYS.start_us, DAYS.start_us + DAY)
    early, late = gauge(Window(day.start_us, day.start_us + 6 * HOUR)), gauge(day)
    async with fresh_store() as opened:
        store = kept(opened, KEEP)
        await store.write([*early, Reading("meter", "voltage", 230.0, NOW)])
        await store.condense(NOW)
        await store.write(late)
        expected = await answers(store, POWER, day, HOUR)
        assert sum(expected["count"][1]) == len(late)
        await store.condense(NOW)
        assert await answers(store, POWER, day, HOUR) == expected
        await store.write(late[:100])  # a retry
        assert await answers(store, POWER, day, HOUR) == expected
        await store.condense(NOW)
        await store.write(late[3:4])  # less than is known of its quarter-hour
        await store.condense(NOW)
        assert await answers(store, POWER, day, HOUR) == expected


async def test_a_late_correction_of_a_whole_quarter_hour_replaces_it(fresh_store: FreshStore) -> None:
    day = Window(DAYS.start_us, DAYS.start_us + DAY)
    async with fresh_store() as opened:
        store = kept(opened, KEEP)
        await store.write([*gauge(day), Reading(*POWER, 1.0, NOW)])
        await store.condense(NOW)
        await store.write([Reading(*POWER, 5.0, day.start_us + n * 5 * MINUTE, reason="confirmed") for n in range(3)])
        await store.condense(NOW)
        found = (await store.aggregate([POWER], day, QUARTER_HOUR, Aggregate.MEAN))[POWER]
        assert found.values[0] == 5.0
        assert (await store.aggregate([POWER], day, DAY, Aggregate.COUNT))[POWER].values.sum() == 288


async def test_registers_keep_true_readings(fresh_store: FreshStore) -> None:
    day = Window(DAYS.start_us, DAYS.start_us + DAY)
    readings = [
        Reading(*ENERGY, 1000 + n / 8, t) for n, t in enumerate(range(day.start_us + 7, day.end_us, 5 * MINUTE))
    ]
    async with fresh_store() as opened:
        store = kept(opened, KEEP)
        await store.write([*readings, Reading(*ENERGY, 2000.0, NOW)])
        await store.condense(NOW)
        samples = (await store.samples([ENERGY], Window(0, NOW + 1)))[ENERGY]
        true = {(reading.time_us, reading.value) for reading in readings} | {(NOW, 2000.0)}
        assert set(zip(samples.times_us.tolist(), samples.values.tolist(), strict=True)) <= true
        assert len(samples) == 97
        assert (np.diff(samples.times_us) > 0).all()


async def test_interval_results_become_local_days_and_months_stay_right(fresh_store: FreshStore) -> None:
    async with fresh_store() as opened:
        store = kept(opened, SHORT)
        months = [CALENDAR.month(2026, month) for month in (2, 3, 4)]
        await store.write([r for month in months for r in results(month)])
        before = await store.totals({"all": [USED]}, months)
        assert before["all"].tolist() == [sum(r.value for r in results(m) if r.series == USED) for m in months]
        done = await store.condense(NOW)
        assert done.days == 2 * (28 + 31 + 30)
        assert (await store.totals({"all": [USED]}, months))["all"].tolist() == before["all"].tolist()
        daily = (await store.samples([USED], MARCH))[USED]
        assert [datetime.fromtimestamp(t / 1e6, CALENDAR.zone).hour for t in daily.times_us] == [12] * 31
        shares = (await store.samples([SHARE], MARCH))[SHARE]
        assert set(shares.values.tolist()) == {1.0}
        counts = (await store.aggregate([USED], MARCH, DAY, Aggregate.COUNT))[USED]
        assert min(counts.values.tolist()) == 92
        assert datetime.fromtimestamp(counts.times_us[0] / 1e6, UTC).day == 1


async def test_quarter_hours_become_days(fresh_store: FreshStore) -> None:
    async with fresh_store() as opened:
        store = kept(opened, SHORT)
        readings = gauge(DAYS, 10 * MINUTE)
        await store.write([*readings, Reading(*POWER, 1.0, NOW)])
        await store.condense(NOW)
        assert await store.database.condensed(Level.QUARTER_HOUR, [POWER], DAYS) is not None
        assert len((await store.database.condensed(Level.QUARTER_HOUR, [POWER], DAYS))[POWER]) == 0
        days = (await store.aggregate([POWER], DAYS, DAY, Aggregate.COUNT))[POWER]
        assert days.values.sum() == len(readings)
        means = (await store.samples([POWER], DAYS))[POWER]
        trusted = [r.value for r in readings[:144] if r.quality is not Quality.SUSPECT]
        assert means.values[0] == pytest.approx(np.mean(trusted))


async def test_a_run_that_breaks_off_anywhere_loses_nothing(fresh_store: FreshStore) -> None:
    async with fresh_store() as opened:
        store = kept(opened, SHORT)
        await store.write([*gauge(DAYS), *results(DAYS), Reading(*POWER, 1.0, NOW)])
        expected = [await answers(store, key, DAYS, 20_000 * DAY) for key in (POWER, USED)]
        for steps in range(12):
            broken = kept(opened, SHORT)
            broken.database = broken._retention._store = Breaking(opened.database, steps)  # type: ignore[assignment]
            with contextlib.suppress(StoreUnavailable):
                await broken.condense(NOW)
            whole = kept(opened, SHORT)
            assert [await answers(whole, key, DAYS, 20_000 * DAY) for key in (POWER, USED)] == expected


@dataclasses.dataclass
class Breaking:
    """A database that stops answering after so many changes."""

    database: object
    changes: int

    def __getattr__(self, name: str) -> object:
        method = getattr(self.database, name)
        if name not in {"write_condensed", "forget"}:
            return method

        async def change(*arguments: Sequence[object]) -> object:
            self.changes -= 1
            if self.changes < 0:
                raise StoreUnavailable("gone")
            return await method(*arguments)

        return change


async def test_no_question_sees_a_hole_while_condensing_goes_on(fresh_store: FreshStore) -> None:
    """What was asked before is remembered; what the first day of a long run has moved must be found all the same."""
    async with fresh_store() as opened:
        store = kept(opened, KEEP)
        await store.write([*gauge(DAYS), Reading(*POWER, 1.0, NOW)])
        expected = await answers(store, POWER, DAYS, HOUR)
        seen = []

        class Asking(Breaking):
            def __getattr__(self, name: str) -> object:
                method = getattr(self.database, name)

                async def asked(*arguments: object) -> object:
                    answer = await method(*arguments)
                    seen.append(await answers(store, POWER, DAYS, HOUR))
                    return answer

                return asked if name == "forget" else method

        store._retention._store = Asking(store.database, 0)  # type: ignore[assignment]
        await store.condense(NOW)
        assert len(seen) == 2
        assert all(one == expected for one in seen)
