"""A gap in a register: quarter-hours stay unknown unless asked for, and every report is the same either way."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.energy.consumption import consumption
from analytics.energy.gaps import with_gaps
from analytics.energy.intervals import MICRO, Intervals
from analytics.reports.collect import collect, daily_figures
from analytics.reports.figure import FigureId
from analytics.reports.frozen import document
from analytics.reports.period import Period
from analytics.reports.trace import trace
from metering.instant import DAY, HOUR, MINUTE, QUARTER_HOUR, Window
from metering.quality import Quality
from metering.reading import Reading, Series
from metering.samples import Samples
from storage.embedded.store import EmbeddedStore
from storage.protocol import Store
from storage.settings import EmbeddedSettings
from tests.analytics.reports.test_inventory import BERLIN, ESTATE, RULES

JULY = Period.parse("2024-07")
WINDOW = JULY.window(BERLIN)
NIGHT = BERLIN.midnight(date(2024, 7, 10))


def stored(intervals: Intervals) -> list[Reading]:
    columns = {
        "consumption": (intervals.consumption, intervals.qualities),
        "completeness": (intervals.completeness, np.zeros(len(intervals), np.int8)),
        "gap_consumption": (intervals.bridged, np.full(len(intervals), Quality.SUBSTITUTED, np.int8)),
    }
    return [
        Reading("el", name, value, at, quality)
        for name, (values, qualities) in columns.items()
        for at, value, quality in zip(intervals.start_us.tolist(), values.tolist(), qualities.tolist(), strict=True)
        if np.isfinite(value)
    ]


def measured(*, substitute: bool) -> Intervals:
    """A register read each quarter-hour, and not from the evening of 9 July to noon of the 10th."""
    times = np.arange(WINDOW.start_us, WINDOW.end_us + 1, QUARTER_HOUR, dtype=np.int64)
    shown = np.cumsum(np.arange(len(times)) % 7) / 8
    keep = (times <= NIGHT - 5 * HOUR + 5 * MINUTE) | (times >= NIGHT + 12 * HOUR)
    return consumption(Samples.of(times[keep], shown[keep]), WINDOW, QUARTER_HOUR, substitute=substitute)


async def opened(folder: Path, *, substitute: bool) -> Store:
    store = EmbeddedStore(EmbeddedSettings(path=folder / f"{substitute}.duckdb"))
    await store.start()
    await store.write(stored(measured(substitute=substitute)))
    return store


async def test_reports_are_the_same_whether_quarter_hours_are_substituted_or_not(tmp_path: Path) -> None:
    documents, days, sums = [], [], []
    for substitute in (True, False):
        store = await opened(tmp_path, substitute=substitute)
        report = await collect(store, ESTATE, JULY, RULES, RULES.view("GHGP-LB"), "building:school")
        documents.append(document(report))
        days.append([figure async for figure in daily_figures(store, [ESTATE.meters["el"]], JULY, RULES)])
        asked = FigureId.parse("GHGP-LB/2024-07-10/energy/meter:el/electricity/2")
        traced = await trace(store, ESTATE, asked, RULES)
        sums.append(traced.intervals.values.sum())
        series = Series("el", "consumption")
        held = (await store.samples([series], Window(NIGHT, NIGHT + DAY)))[series]
        assert len(held) == (96 if substitute else 48), "no quarter-hour is invented"
        await store.close()
    assert documents[0] == documents[1]
    assert days[0] == days[1]
    assert sums[0] == sums[1]
    whole = sum(figure.amount.total for figure in days[0][0])
    register = np.cumsum(np.arange(WINDOW.duration_us // QUARTER_HOUR + 1) % 7) / 8
    assert whole == Decimal(register[-1] - register[0])


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 10**6), min_size=4, max_size=60), st.data())
def test_what_sums_are_made_of_is_whole_in_any_parts(steps: list[int], data: st.DataObject) -> None:
    """Whatever readings are missing, consumption and gaps together are what the register counted."""
    times = np.arange(len(steps) + 1, dtype=np.int64) * QUARTER_HOUR
    shown = np.concatenate(([0], np.cumsum(steps))) / MICRO
    missing = data.draw(st.sets(st.integers(1, len(steps) - 1)))
    keep = np.array([n not in missing for n in range(len(times))])
    intervals = consumption(
        Samples.of(times[keep], shown[keep]), Window(0, int(times[-1])), QUARTER_HOUR, near_us=QUARTER_HOUR
    )
    known = np.isfinite(intervals.consumption)
    gap = np.isfinite(intervals.bridged)
    sums = with_gaps(
        Samples.of(times[:-1][known], intervals.consumption[known]), Samples.of(times[:-1][gap], intervals.bridged[gap])
    )
    cut = data.draw(st.integers(0, len(steps)))
    halves = [sums.values[sums.times_us < times[cut]], sums.values[sums.times_us >= times[cut]]]
    assert sum(int(np.rint(half * MICRO).sum()) for half in halves) == sum(steps)
    np.testing.assert_array_equal(sums.values, intervals.filled().consumption)
