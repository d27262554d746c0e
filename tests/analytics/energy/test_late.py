"""Late readings: which stretches of a series must be redone."""

from pathlib import Path

import pytest

from analytics.energy.late import Arrivals
from metering.instant import DAY, HOUR, Window, parse
from metering.reading import Reading, Series
from storage.embedded.store import EmbeddedStore
from storage.settings import EmbeddedSettings

START = parse("2026-03-01T00:00:00Z")
MONTH = Window(START, START + 30 * DAY)
SERIES = Series("device", "active_energy_import")


def hourly(first_day: int, last_day: int, value: float = 1.0) -> list[Reading]:
    times = range(START + first_day * DAY, START + last_day * DAY, HOUR)
    return [Reading(*SERIES, value, time) for time in times]


def days(begin: int, end: int) -> Window:
    return Window(START + begin * DAY, START + end * DAY)


async def test_only_what_changed_is_named_up_to_its_neighbours(tmp_path: Path) -> None:
    store = EmbeddedStore(EmbeddedSettings(path=tmp_path / "store.duckdb"))
    await store.start()
    await store.write(hourly(0, 10) + hourly(20, 25))
    arrivals = Arrivals(store)
    assert await arrivals.changed([SERIES], MONTH) == {}, "nothing is known to be new when first asked"
    assert await arrivals.changed([SERIES], MONTH) == {}

    await store.write(hourly(14, 16))  # amid a gap: it reaches from the last reading before to the first after
    assert await arrivals.changed([SERIES], MONTH) == {SERIES: [days(9, 21)]}
    await store.write(hourly(3, 4, value=2.0))  # put right: as many as before
    assert await arrivals.changed([SERIES], MONTH) == {SERIES: [days(2, 5)]}
    await store.write(hourly(5, 6, value=2.0) + hourly(22, 23, value=2.0))
    assert await arrivals.changed([SERIES], MONTH) == {SERIES: [days(4, 7), days(21, 24)]}
    assert await arrivals.changed([SERIES], MONTH) == {}
    await store.close()


@pytest.mark.parametrize("hours", [1, 30])
async def test_what_comes_in_time_is_new_and_not_late(hours: int, tmp_path: Path) -> None:
    store = EmbeddedStore(EmbeddedSettings(path=tmp_path / "store.duckdb"))
    await store.start()
    await store.write(hourly(0, 10))
    arrivals = Arrivals(store)
    await arrivals.changed([SERIES], days(0, 10))
    later = Window(START, START + 10 * DAY + hours * HOUR)
    await store.write([Reading(*SERIES, 2.0, START + 10 * DAY + hours * HOUR - 1)])
    found = (await arrivals.changed([SERIES], later)).get(SERIES, [])
    assert all(window.start_us >= START + 9 * DAY for window in found)
    await store.close()
