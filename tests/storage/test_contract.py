"""What every store promises, asked of every store that can be started here."""

import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from metering.event import Event, Severity
from metering.instant import HOUR, MINUTE, QUARTER_HOUR, SECOND, Window, parse
from metering.localtime import LocalCalendar
from metering.quality import Quality
from metering.reading import Reading, Series
from metering.samples import Samples
from storage.protocol import Aggregate, StoreRefused
from tests.storage.conftest import FreshStore

ALWAYS = Window(-(2**62), 2**62)
NOON = parse("2026-01-15T12:00:00Z")
POWER = Series("meter", "active_power")

with_server = settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

# What line protocol can carry; `test_influxdb` has what it cannot.
names = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=8).filter(
    lambda name: not name.endswith("\\")
)
nasty_names = st.sampled_from(
    [
        "a b",
        "a,b",
        "a=b",
        "a\"b'; DROP DATABASE test0; --",
        "a\\b",
        "a\\ b",
        "a\\,b=\\ c",
        "Zähler 1",
        "#x",
        "'",
        '"',
        "/*",
        "😀",
    ]
)
series = st.builds(Series, names | nasty_names, st.sampled_from(["active_power", "voltage", "consumption", "state"]))
times = st.builds(
    int.__add__,
    st.sampled_from([0, NOON, parse("2038-01-19T03:14:00Z"), parse("1969-12-31T23:59:59Z")]),
    st.integers(-9, 9),
)
statuses = st.tuples(st.sampled_from(Quality), st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=6))


@st.composite
def batches(draw: st.DrawFn) -> list[list[Reading]]:
    """Readings with repeats, in any order. What is doubted once always has a reason, as `metering.reading` asks."""
    drawn = st.builds(
        lambda key, time_us, value, status: Reading(*key, value, time_us, *status),
        st.sampled_from(draw(st.lists(series, min_size=1, max_size=4))),
        times,
        st.floats(allow_nan=False, allow_infinity=False),
        st.just((Quality.MEASURED, "")) | statuses,
    )
    readings = draw(st.lists(drawn, max_size=40))
    doubted = {identity(r) for r in readings if r.reason or r.quality is not Quality.MEASURED}
    readings = [
        Reading(*r.series, r.value, r.time_us, r.quality, r.reason or ("confirmed" if identity(r) in doubted else ""))
        for r in readings
    ]
    cuts = sorted(draw(st.lists(st.integers(0, len(readings)), max_size=3)))
    return [readings[start:end] for start, end in zip([0, *cuts], [*cuts, len(readings)], strict=True)]


def identity(reading: Reading) -> tuple[Series, int]:
    return reading.series, reading.time_us


def triples(samples: Samples) -> list[tuple[int, float, int]]:
    return list(zip(samples.times_us.tolist(), samples.values.tolist(), samples.qualities.tolist(), strict=True))


@with_server
@given(batches())
@example([[Reading("a", "voltage", 5e-324, 0), Reading("a", "voltage", 1.7976931348623157e308, 1)]])
@example([[Reading("a", "voltage", 1.0, 5), Reading("a", "voltage", 2.0, 5)], [Reading("a", "voltage", 3.0, 5)]])
async def test_what_is_written_comes_back_once_sorted_and_to_the_digit(
    fresh_store: FreshStore, written: list[list[Reading]]
) -> None:
    kept = {identity(reading): reading for batch in written for reading in batch}
    by_series: dict[Series, list[Reading]] = defaultdict(list)
    for reading in sorted(kept.values(), key=lambda r: r.time_us):
        by_series[reading.series].append(reading)
    async with fresh_store() as store:
        for batch in written:
            await store.write(batch)
        samples = await store.samples([*by_series, Series("nobody", "voltage")], ALWAYS)
        assert {key: triples(found) for key, found in samples.items()} == {
            **{key: [(r.time_us, r.value, r.quality) for r in readings] for key, readings in by_series.items()},
            Series("nobody", "voltage"): [],
        }
        assert await store.series() == sorted(by_series)
        assert await store.latest() == [by_series[key][-1] for key in sorted(by_series)]
        assert await store.count(ALWAYS) == len(kept)
        doubted = [reading for reading in kept.values() if reading.quality is not Quality.MEASURED]
        assert await store.flagged(ALWAYS) == sorted(doubted, key=lambda r: (r.time_us, r.series))


def reference(
    readings: Sequence[Reading], window: Window, step_us: int, how: Aggregate
) -> dict[int, tuple[float, int]]:
    found: dict[int, list[Reading]] = defaultdict(list)
    for reading in readings:
        if reading.time_us in window:
            found[math.floor(reading.time_us / step_us) * step_us].append(reading)
    functions = {
        Aggregate.MEAN: lambda v: math.fsum(v) / len(v),
        Aggregate.MIN: min,
        Aggregate.MAX: max,
        Aggregate.SUM: math.fsum,
        Aggregate.COUNT: len,
        Aggregate.FIRST: lambda v: v[0],
        Aggregate.LAST: lambda v: v[-1],
    }
    answer = {}
    for start, bucket in sorted(found.items()):
        bucket.sort(key=lambda r: r.time_us)
        values = [r.value for r in bucket if how is Aggregate.COUNT or r.quality is not Quality.SUSPECT]
        if values:
            answer[start] = (functions[how](values), max(r.quality for r in bucket))
    return answer


@st.composite
def aggregations(draw: st.DrawFn) -> tuple[list[Reading], Window, int]:
    spread = draw(st.sampled_from([20, 20 * SECOND, 20 * MINUTE]))
    offsets = st.integers(-spread, spread)
    quality = st.sampled_from(draw(st.sampled_from([[Quality.MEASURED], list(Quality)])))
    key = st.sampled_from([POWER, Series("meter", "voltage"), Series("other", "voltage"), Series("m1", "consumption")])
    start = draw(st.sampled_from([0, NOON]))
    drawn = st.builds(
        lambda key, offset, value, quality: Reading(*key, value, start + offset, quality, "x" if quality else ""),
        key,
        offsets,
        st.floats(-1e6, 1e6),
        quality,
    )
    readings = draw(st.lists(drawn, max_size=60, unique_by=identity))
    first, last = sorted([draw(offsets), draw(offsets)])
    step_us = draw(st.sampled_from([7, SECOND, 3 * SECOND + 1, QUARTER_HOUR]))
    return readings, Window(start + first, start + last), step_us


@with_server
@given(aggregations())
async def test_an_aggregate_is_that_of_the_trusted_readings(
    fresh_store: FreshStore, given_: tuple[list[Reading], Window, int]
) -> None:
    readings, window, step_us = given_
    by_series = {key: [r for r in readings if r.series == key] for key in {r.series for r in readings} | {POWER}}
    async with fresh_store() as store:
        await store.write(readings)
        for how in Aggregate:
            answer = await store.aggregate(list(by_series), window, step_us, how)
            assert answer.keys() == by_series.keys()
            for key, samples in answer.items():
                expected = reference(by_series[key], window, step_us, how)
                assert samples.times_us.tolist() == list(expected)
                assert samples.qualities.tolist() == [quality for _, quality in expected.values()]
                values = [value for value, _ in expected.values()]
                np.testing.assert_allclose(samples.values, values, rtol=1e-9, atol=1e-6)


async def test_windows_hold_their_start_and_not_their_end(fresh_store: FreshStore) -> None:
    doubted = [Reading(*POWER, float(n), NOON + n, Quality.SUSPECT, "range") for n in range(5)]
    events = [Event(str(n), NOON + n, None, "gap", Severity.INFO, "meter", "", "Lücke") for n in range(5)]
    window = Window(NOON + 1, NOON + 4)
    async with fresh_store() as store:
        await store.write(doubted)
        await store.write_events(events)
        assert (await store.samples([POWER], window))[POWER].times_us.tolist() == [NOON + 1, NOON + 2, NOON + 3]
        assert await store.flagged(window) == doubted[1:4]
        assert await store.count(window) == 3
        assert await store.events(window) == events[1:4]
        (counted,) = (await store.aggregate([POWER], window, QUARTER_HOUR, Aggregate.COUNT)).values()
        assert triples(counted) == [(NOON, 3.0, Quality.SUSPECT)]


async def test_a_doubt_is_lifted_by_writing_the_reading_again_as_confirmed(fresh_store: FreshStore) -> None:
    async with fresh_store() as store:
        await store.write([Reading(*POWER, 4e6, NOON, Quality.SUSPECT, "range"), Reading(*POWER, 1.0, NOON + SECOND)])
        (mean,) = (await store.aggregate([POWER], ALWAYS, MINUTE, Aggregate.MEAN)).values()
        assert triples(mean) == [(NOON, 1.0, Quality.SUSPECT)]
        await store.write([Reading(*POWER, 4e6, NOON, Quality.MEASURED, "confirmed")])
        assert await store.flagged(ALWAYS) == []
        assert (await store.samples([POWER], ALWAYS))[POWER].qualities.tolist() == [0, 0]
        (mean,) = (await store.aggregate([POWER], ALWAYS, MINUTE, Aggregate.MEAN)).values()
        assert triples(mean) == [(NOON, 2_000_000.5, Quality.MEASURED)]


async def test_a_bucket_of_suspect_readings_alone_is_counted_and_has_no_value(fresh_store: FreshStore) -> None:
    async with fresh_store() as store:
        await store.write([Reading(*POWER, 4e6, NOON, Quality.SUSPECT, "range")])
        for how in Aggregate:
            (found,) = (await store.aggregate([POWER], ALWAYS, MINUTE, how)).values()
            assert triples(found) == ([(NOON, 1.0, Quality.SUSPECT)] if how is Aggregate.COUNT else [])


async def test_latest_is_that_of_the_devices_asked_for(fresh_store: FreshStore) -> None:
    old, new = Reading("a", "voltage", 1.0, NOON), Reading("a", "voltage", 2.0, NOON + 1)
    other, result = Reading("b", "voltage", 3.0, NOON), Reading("b", "consumption", 4.0, NOON)
    async with fresh_store() as store:
        assert await store.latest() == []
        await store.write([new, other, result])
        await store.write([old])
        assert await store.latest() == [new, result, other]
        assert await store.latest(["a", "nobody"]) == [new]
        assert await store.latest([]) == []


async def test_many_devices_and_many_readings_come_back_whole(fresh_store: FreshStore) -> None:
    keys = [Series(f"device {n}", quantity) for n in range(130) for quantity in ("voltage", "current")]
    readings = [Reading(*key, float(n), NOON + n * SECOND) for n in range(60) for key in keys]
    async with fresh_store() as store:
        await store.write(readings)
        samples = await store.samples(keys, ALWAYS)
        assert {tuple(found.values.tolist()) for found in samples.values()} == {tuple(map(float, range(60)))}
        means = await store.aggregate(keys, ALWAYS, MINUTE, Aggregate.MEAN)
        assert {tuple(found.values.tolist()) for found in means.values()} == {(29.5,)}
        assert len(await store.latest([key.device for key in keys])) == len(keys)
        assert await store.count(ALWAYS) == len(readings)


text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
events_ = st.builds(
    Event,
    id=st.sampled_from(["a", "b", "c'\"; x"]) | names,
    time_us=times,
    end_us=st.none() | times,
    kind=st.sampled_from(["gap", "stuck"]),
    severity=st.sampled_from(Severity),
    subject=names,
    building=st.just("") | names,
    title=text,
)


@pytest.mark.parametrize("count", [9_999, 10_000, 10_001, 25_000])
async def test_a_long_series_comes_back_whole(fresh_store: FreshStore, count: int) -> None:
    async with fresh_store() as store:
        await store.write([Reading("main", "active_power", float(n), n * SECOND) for n in range(count)])
        found = (await store.samples([Series("main", "active_power")], Window(0, count * SECOND)))[
            Series("main", "active_power")
        ]
        assert found.values.tolist() == [float(n) for n in range(count)]


@with_server
@given(st.lists(st.lists(events_, max_size=5), max_size=3))
async def test_an_event_replaces_the_one_with_its_id(fresh_store: FreshStore, written: list[list[Event]]) -> None:
    kept = {event.id: event for batch in written for event in batch}
    async with fresh_store() as store:
        for batch in written:
            await store.write_events(batch)
        assert await store.events(ALWAYS) == sorted(kept.values(), key=lambda event: (event.time_us, event.id))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
async def test_a_value_that_is_no_number_is_refused(fresh_store: FreshStore, value: float) -> None:
    async with fresh_store() as store:
        with pytest.raises(StoreRefused, match="finite"):
            await store.write([Reading(*POWER, 1.0, NOON), Reading(*POWER, value, NOON)])


@pytest.mark.parametrize("step_us", [0, -1])
async def test_a_step_is_over_0(fresh_store: FreshStore, step_us: int) -> None:
    async with fresh_store() as store:
        with pytest.raises(ValueError, match="step"):
            await store.aggregate([POWER], ALWAYS, step_us, Aggregate.MEAN)


async def test_nothing_asked_for_is_nothing_found(fresh_store: FreshStore) -> None:
    async with fresh_store() as store:
        await store.write([])
        await store.write_events([])
        assert await store.series() == []
        assert await store.count(ALWAYS) == 0
        assert await store.samples([], ALWAYS) == {}
        assert await store.aggregate([], ALWAYS, MINUTE, Aggregate.MEAN) == {}
        assert await store.flagged(ALWAYS) == []
        assert await store.events(ALWAYS) == []


async def test_totals_are_sums_of_trusted_values_by_group_and_period(fresh_store: FreshStore) -> None:
    calendar = LocalCalendar()
    months = [calendar.month(2026, month) for month in (2, 3, 4)]
    keys = [Series(f"m{n}", "consumption") for n in range(3)]
    days = range(months[0].start_us - 3 * HOUR, months[-1].end_us + 3 * HOUR, 6 * HOUR)
    readings = [
        Reading(*key, (at * 7 % 11) / 8, time_us, *((Quality.SUSPECT, "x") if at % 9 == 0 else (Quality.MEASURED, "")))
        for key in keys
        for at, time_us in enumerate(days)
    ]
    groups = {"both": keys[:2], "one": keys[2:], "none": [Series("nobody", "consumption")], "again": keys[:1]}
    async with fresh_store() as store:
        await store.write(readings)
        found = await store.totals(groups, months)
        for name, group in groups.items():
            trusted = [r for r in readings if r.series in group and r.quality is not Quality.SUSPECT]
            assert found[name].tolist() == [sum(r.value for r in trusted if r.time_us in month) for month in months]
        assert all(len(sums) == 0 for sums in (await store.totals(groups, [])).values())


async def test_readings_come_back_as_they_were_written(fresh_store: FreshStore) -> None:
    written = [
        Reading("a", "consumption", 0.1, NOON, Quality.SUBSTITUTED, "ersatzwert"),
        Reading("a", "voltage", 230.5, NOON),
        Reading("a", "voltage", 231.5, NOON + 1, Quality.MEASURED, "confirmed"),
        Reading("b", "voltage", 1.0, NOON, Quality.SUSPECT, "range"),
    ]
    async with fresh_store() as store:
        await store.write(written)
        assert await store.readings([reading.series for reading in written], ALWAYS) == written
        assert await store.readings([written[0].series], Window(0, NOON)) == []
