"""The whole room on a real store: part of the simulated town, evaluated, judged, alerted, kept up to date."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec import structs

from analytics.alerts.alert import State
from analytics.alerts.book import AlertBook
from analytics.carbon.factors import FactorSet
from analytics.evaluation import Evaluation
from analytics.exchange_book import ExchangeBook
from analytics.reports.collect import Rules
from analytics.service import Analytics
from analytics.settings import AnalyticsSettings, TariffSettings
from device_sim.faults.scenario import load_scenario
from device_sim.history import readings
from device_sim.town import Town
from metering import heartbeat
from metering.clock import Clock
from metering.estate import Carrier, Counter, Estate, Exchange, Meter, Role
from metering.formula import Formula
from metering.instant import DAY, HOUR, MINUTE, QUARTER_HOUR, SECOND, Window, parse
from metering.localtime import LocalCalendar
from metering.quality import Quality
from metering.reading import Reading, Series
from metering.samples import Samples
from storage.embedded.store import EmbeddedStore
from storage.settings import EmbeddedSettings
from tests.patience import PATIENCE_S

NOW = parse("2026-11-22T20:37:00Z")
PAST = Window(NOW - 60 * DAY, NOW)
DEVICES = ("school-water", "townhall-ventilation", "depot-water", "school-heat", "weather")
RESULTS = ("anomaly_score", "completeness", "consumption", "expected", "expected_lower", "expected_upper")


class HandClock(Clock):
    """A clock that stands still until it is set."""

    def __init__(self, now_us: int) -> None:
        super().__init__()
        self.now = now_us

    def now_us(self) -> int:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += round(seconds * SECOND)
        await asyncio.sleep(0)


class Installation:
    """A part of the town with its history, and analytics for it."""

    def __init__(self, folder: Path) -> None:
        self.clock = HandClock(NOW)
        self.town = Town(7, PAST.start_us, load_scenario("demo").place(NOW))
        whole = self.town.estate
        devices = [whole.devices[name] for name in DEVICES]
        meters = [meter for meter in whole.meters.values() if meter.device in DEVICES]
        meters = [replace(meter, parent=None) for meter in meters]
        twice = Formula.parse("2 * school-heat.supply")
        virtual = Meter.virtual("campus", "Campus", "school", carrier=Carrier.HEAT, role=Role.SUBMETER, formula=twice)
        meters.append(virtual)
        self.estate = Estate.of(whole.sites.values(), whole.buildings.values(), devices, meters)
        self.store = EmbeddedStore(EmbeddedSettings(path=folder / "store.duckdb"))
        self.book = AlertBook(f"sqlite:///{folder}/alerts.db")
        self.analytics = self.service()

    def service(self) -> Analytics:
        settings = AnalyticsSettings(
            interval_s=15, outdoor_temperature="weather", tariffs=TariffSettings(electricity=0.3, water=4.0)
        )
        rules = Rules(FactorSet.load(), LocalCalendar())
        return Analytics(self.store, self.estate, settings, self.clock, self.book, rules, "de")

    async def fill(self, window: Window, step_us: int = QUARTER_HOUR, without: tuple[str, ...] = ()) -> None:
        for device in self.town.devices:
            if device.id in DEVICES and device.id not in without:
                await self.store.write(readings(device, window, step_us))

    async def results(self, quantity: str, meter: str, window: Window = PAST) -> Samples:
        series = Series(meter, quantity)
        return (await self.store.samples([series], window))[series]


@pytest.fixture
async def installation(tmp_path: Path) -> AsyncIterator[Installation]:
    installation = Installation(tmp_path)
    await installation.store.start()
    yield installation
    await installation.store.close()
    installation.book.close()


async def test_a_history_becomes_results_and_alerts_and_stays_up_to_date(installation: Installation) -> None:
    await installation.fill(PAST)
    shares: list[float] = []
    await installation.analytics.backfill(PAST, shares.append)
    assert shares[-1] == 1.0

    # results: every quantity of every interval, and the sum is what went through the meter
    water = "school-water.supply"
    consumed = await installation.results("consumption", water)
    begin, end = int(consumed.times_us[0]), int(consumed.times_us[-1]) + QUARTER_HOUR
    assert len(consumed) == (end - begin) // QUARTER_HOUR >= 60 * 96 - 4
    truth = installation.town.consumption(water, Window(begin, end))
    assert consumed.values.sum() == pytest.approx(truth, abs=0.01), "m³, to the register's last digit"
    stored = {series.quantity for series in await installation.store.series() if series.device == water}
    assert stored >= set(RESULTS)
    emitted = await installation.results("emissions", "school-heat.supply")
    assert len(emitted) == len(await installation.results("consumption", "school-heat.supply"))

    # alerts: what the scenario spoiled, with what it costs
    alerts = {alert.subject: alert for alert in installation.book.list()}
    leak, base = alerts[water], alerts["townhall-ventilation.submeter"]
    assert (leak.kind, leak.state, leak.title) == (
        "leak",
        State.OPEN,
        "Ständiger Durchfluss an „Schule Wasser“ – Leck?",
    )
    assert leak.excess is not None
    assert leak.excess.amount == pytest.approx(0.28 * 72, rel=0.25), "m³ in three days; what is usual varies"
    assert leak.excess.eur == pytest.approx(4 * leak.excess.amount, abs=0.01)
    assert leak.first_us - (NOW - 3 * DAY) < DAY
    assert (base.kind, base.state) == ("base_load", State.OPEN)
    assert alerts["depot-water.supply"].kind == "gap"
    assert alerts["depot-water.supply"].state is State.RESOLVED
    events = {event.id: event for event in await installation.store.events(PAST)}
    assert events[leak.id].end_us is None
    assert events[alerts["depot-water.supply"].id].end_us is not None

    # the next interval: only it is new
    until_now = Window(0, NOW + 16 * MINUTE)
    before = await installation.store.count(until_now)
    await installation.fill(Window(NOW, NOW + 16 * MINUTE), MINUTE)
    written = await installation.store.count(until_now)
    installation.clock.now = NOW + 16 * MINUTE
    await installation.analytics.cycle()
    new = await installation.store.count(until_now) - written
    assert 0 < new <= len(installation.estate.meters) * 2 * (len(RESULTS) + 1)
    assert written > before
    newest = await installation.results("consumption", water, Window(NOW - QUARTER_HOUR, NOW + DAY))
    assert newest.times_us[-1] == parse("2026-11-22T20:30:00Z")
    assert installation.book.get(leak.id).last_us > leak.last_us, "it goes on"

    # again from nothing: nothing is doubled
    again = installation.service()
    total = await installation.store.count(Window(0, NOW + DAY))
    known = len(installation.book.list())
    await again.backfill(PAST)
    assert await installation.store.count(Window(0, NOW + DAY)) == total
    assert len(installation.book.list()) == known


async def test_several_series_are_compared_at_the_first_look(installation: Installation) -> None:
    """Not an hour later: what is above the contract since days is told at once."""
    fans, recent = "townhall-ventilation.submeter", Window(NOW - 3 * DAY, NOW)
    meters = installation.estate.meters
    limited = {fans: replace(meters[fans], contracted_kw=1.0)}
    installation.estate = replace(installation.estate, meters=meters | limited)
    analytics = installation.service()
    await installation.fill(recent)
    await analytics.backfill(recent)
    await analytics.cycle()
    assert ("peak_power", fans) in {(alert.kind, alert.subject) for alert in installation.book.list()}


async def test_tomorrow_is_expected_and_then_replaced_by_what_is_known_then(installation: Installation) -> None:
    clock, heat = installation.clock, "school-heat.supply"
    await installation.fill(Window(NOW - 10 * DAY, NOW))
    await installation.analytics.backfill(PAST)
    await installation.analytics.cycle()
    tomorrow = Window(NOW, NOW + DAY)
    ahead = {name: await installation.results(name, heat, tomorrow) for name in RESULTS}
    assert len(ahead["expected"]) == 96
    assert len(ahead["consumption"]) == 0
    assert (ahead["expected_lower"].values <= ahead["expected_upper"].values).all()
    count = await installation.store.count(Window(0, NOW + 3 * DAY))
    clock.now += MINUTE
    await installation.analytics.cycle()
    assert await installation.store.count(Window(0, NOW + 3 * DAY)) == count, "nothing is written twice"
    clock.now = NOW + 3 * HOUR
    await installation.fill(Window(NOW, clock.now))
    await installation.analytics.cycle()
    known = await installation.results("consumption", heat, tomorrow)
    late = await installation.results("expected", heat, tomorrow)
    assert len(known) >= 11
    assert len(late) == 96, "replaced, none doubled"
    assert (late.values[: len(known)] != ahead["expected"].values[: len(known)]).any()


async def test_late_readings_change_the_results(installation: Installation) -> None:
    outage = Window(NOW - 6 * HOUR, NOW - 2 * HOUR)
    await installation.fill(Window(PAST.end_us - 20 * DAY, outage.start_us))
    await installation.fill(Window(outage.end_us, NOW))
    await installation.analytics.backfill(PAST)
    heat = "school-heat.supply"
    window = Window(outage.start_us + HOUR, outage.end_us - HOUR)
    spread = await installation.results("gap_consumption", heat, window)
    assert set(spread.qualities.tolist()) == {Quality.SUBSTITUTED}
    assert set((await installation.results("completeness", heat, window)).values.tolist()) == {0.0}
    await installation.fill(outage)
    installation.clock.now = NOW + QUARTER_HOUR
    await installation.fill(Window(NOW, NOW + QUARTER_HOUR), MINUTE)
    await installation.analytics.cycle()
    measured = await installation.results("consumption", heat, window)
    assert set(measured.qualities.tolist()) == {Quality.MEASURED}
    read = await installation.store.readings(
        [Series(heat, "consumption")], Window(NOW - 8 * HOUR, installation.clock.now)
    )
    assert {r.reason for r in read if r.time_us in window} == {"confirmed"}, "so that InfluxDB forgets the old status"
    assert read[0].reason == read[-1].reason == "", "what is new or the same says nothing"
    assert np.ptp(measured.values) > np.ptp(spread.values)
    day = Window(NOW // QUARTER_HOUR * QUARTER_HOUR - 8 * HOUR, NOW // QUARTER_HOUR * QUARTER_HOUR)
    total = (await installation.results("consumption", heat, day)).values.sum()
    assert total == pytest.approx(installation.town.consumption(heat, day), abs=2.0), "kWh, a heat meter's last digit"


async def test_readings_a_month_late_are_noticed_and_a_virtual_meter_follows(installation: Installation) -> None:
    outage = Window(NOW - 40 * DAY, NOW - 10 * DAY)
    begin = NOW - 45 * DAY
    await installation.fill(Window(begin, outage.start_us))
    await installation.fill(Window(outage.end_us, NOW))
    await installation.analytics.backfill(PAST)
    heat, water = "school-heat.supply", "school-water.supply"
    window = Window(outage.start_us + DAY, outage.end_us - DAY)
    assert not len(await installation.results("consumption", "campus", window)), "no quarter-hour is invented"
    spread = await installation.results("gap_consumption", "campus", window)
    assert set(spread.qualities.tolist()) == {Quality.SUBSTITUTED}
    assert len(spread) == window.duration_us // QUARTER_HOUR
    await installation.fill(outage, without=("school-water",))
    installation.clock.now = NOW + HOUR
    await installation.analytics.cycle()
    measured = await installation.results("consumption", heat, window)
    assert set(measured.qualities.tolist()) == {Quality.MEASURED}
    day = Window(window.start_us // DAY * DAY + DAY, window.start_us // DAY * DAY + 20 * DAY)
    total = (await installation.results("consumption", heat, day)).values.sum()
    assert total == pytest.approx(installation.town.consumption(heat, day), abs=2.0), "kWh, a heat meter's last digit"
    twice = await installation.results("consumption", "campus", window)
    assert set(twice.qualities.tolist()) == {Quality.MEASURED}
    np.testing.assert_allclose(twice.values, 2 * measured.values, atol=1e-6)
    assert not len((await installation.results("gap_consumption", "campus", window)).trusted()), "there is no gap now"
    assert len((await installation.results("gap_consumption", water, window)).trusted()) == len(spread)
    count = await installation.store.count(Window(0, NOW + DAY))
    installation.clock.now = NOW + 2 * HOUR
    await installation.analytics.cycle()
    assert await installation.store.count(Window(0, NOW + DAY)) == count, "nothing is redone without a reason"


async def test_an_exchange_entered_later_puts_what_was_stored_right(installation: Installation) -> None:
    heat, at = "school-heat.supply", NOW - 4 * DAY
    shown = [device for device in installation.town.devices if device.id == "school-heat"]
    made = readings(shown[0], Window(NOW - 9 * DAY, NOW), QUARTER_HOUR)
    end = max(r.value for r in made if r.quantity == "heat_energy" and r.time_us < at)
    new = [
        structs.replace(r, value=r.value - end) if r.quantity == "heat_energy" and r.time_us >= at else r for r in made
    ]
    await installation.store.write(new)
    await installation.analytics.backfill(PAST)
    window = Window(at - HOUR, at + HOUR)
    assert len(await installation.results("consumption", heat, window)) == 7, "a quarter-hour is unknown"
    meters = installation.estate.meters
    counter = Counter(exchanges=(Exchange(at - MINUTE, end=end, start=0.0, serial="new"),))
    installation.estate = replace(installation.estate, meters=meters | {heat: replace(meters[heat], counter=counter)})
    await installation.service().backfill(PAST)
    found = await installation.results("consumption", heat, window)
    assert len(found) == 8
    assert found.values.sum() == pytest.approx(installation.town.consumption(heat, window), abs=2.0)
    events = [event for event in await installation.store.events(PAST) if event.kind == "exchange"]
    assert [(event.subject, event.time_us) for event in events] == [(heat, at - MINUTE)]


async def test_an_exchange_recorded_while_running_counts_within_a_cycle_until_it_is_withdrawn(
    installation: Installation,
) -> None:
    heat, at = "school-heat.supply", NOW - 4 * DAY
    device = next(device for device in installation.town.devices if device.id == "school-heat")
    made = [r for r in readings(device, Window(NOW - 9 * DAY, NOW), QUARTER_HOUR) if r.quantity == "heat_energy"]
    end = max(r.value for r in made if r.time_us < at)
    await installation.store.write([structs.replace(r, value=r.value - end) if r.time_us >= at else r for r in made])
    await installation.analytics.backfill(PAST)
    around, whole = Window(at - HOUR, at + HOUR), Window(NOW - 8 * DAY, NOW)
    before = await installation.results("consumption", heat, whole)
    assert len((await installation.results("consumption", heat, around)).trusted()) == 7
    book = ExchangeBook(installation.book.database)
    book.record(installation.estate.meters[heat], Exchange(at - MINUTE, end, 0.0, "new", "old"), "Ali", NOW)
    await installation.analytics.cycle()
    found = (await installation.results("consumption", heat, around)).trusted()
    assert len(found) == 8
    assert found.values.sum() == pytest.approx(installation.town.consumption(heat, around), abs=2.0)
    campus = (await installation.results("consumption", "campus", around)).trusted()
    assert campus.values.sum() == pytest.approx(2 * found.values.sum()), "what is computed from it follows"
    (event,) = [event for event in await installation.store.events(PAST) if event.kind == "exchange"]
    assert "(new)" in event.title
    book.withdraw(heat, at - MINUTE, "Ali", NOW, "falscher Zähler")
    await installation.analytics.cycle()
    after = (await installation.results("consumption", heat, whole)).trusted()
    np.testing.assert_array_equal(after.times_us, before.times_us)
    np.testing.assert_array_equal(after.values, before.values)
    (event,) = [event for event in await installation.store.events(PAST) if event.kind == "exchange"]
    assert event.title.startswith("Zurückgenommen")
    await installation.service().backfill(PAST)
    again = (await installation.results("consumption", heat, whole)).trusted()
    np.testing.assert_array_equal(again.values, before.values)


async def test_a_meter_of_imported_files_alone_is_judged_like_any_other(installation: Installation) -> None:
    name = "lastgang"
    one = Meter.imported(name, "RLM", "school", carrier=Carrier.ELECTRICITY, role=Role.SUPPLY)
    meters = {name: one} | {meter: one for meter, one in installation.estate.meters.items() if meter == "campus"}
    twice = replace(meters.pop("campus"), id="double", formula=Formula.parse(f"2 * {name}"))
    installation.estate = replace(installation.estate, meters=meters | {"double": twice})
    installation.analytics = installation.service()
    starts = np.arange(NOW - 40 * DAY, NOW - 2 * DAY, QUARTER_HOUR, dtype=np.int64) // QUARTER_HOUR * QUARTER_HOUR
    used = 5.0 + 4.0 * np.sin(np.arange(len(starts)) * 2 * np.pi / 96) + np.random.default_rng(1).random(len(starts))

    async def imported(values: np.ndarray, part: slice) -> None:
        pairs = list(zip(starts[part].tolist(), np.round(values[part], 3).tolist(), strict=True))
        await installation.store.write([Reading(name, "consumption", value, at, reason="W") for at, value in pairs])
        await installation.store.write([Reading(name, "completeness", 1.0, at) for at, _ in pairs])

    until = len(starts) - 96
    await imported(used, slice(until))
    await installation.analytics.backfill(PAST)
    for result in (*RESULTS, "emissions"):
        assert len(await installation.results(result, name)) >= until - 96 * 15, result
    (kept,) = await installation.store.readings([Series(name, "consumption")], Window(int(starts[5]), int(starts[6])))
    assert kept.reason == "W", "what was imported is as it was imported"
    count = await installation.store.count(Window(0, NOW + DAY))
    installation.clock.now = NOW + HOUR
    await installation.analytics.cycle()
    assert await installation.store.count(Window(0, NOW + DAY)) == count, "nothing is judged twice"
    used[until + 40 : until + 44] = 60.0
    used[100] = 7.0
    await imported(used, slice(100, len(starts)))
    installation.clock.now = NOW + 2 * HOUR + MINUTE
    await installation.analytics.cycle()
    assert (await installation.results("anomaly_score", name)).times_us[-1] == starts[-1]
    whole = Window(int(starts[0]), NOW)
    consumption = await installation.results("consumption", name, whole)
    emissions = await installation.results("emissions", name, whole)
    doubled = await installation.results("consumption", "double", whole)
    np.testing.assert_allclose(emissions.values / consumption.values, emissions.values[0] / consumption.values[0])
    np.testing.assert_allclose(doubled.values, 2 * consumption.values)
    assert "spike" in {alert.kind for alert in installation.book.list() if alert.subject == name}


async def test_a_meter_is_not_missed_before_it_existed(installation: Installation) -> None:
    await installation.fill(Window(NOW - 4 * HOUR, NOW), MINUTE)
    await installation.analytics.cycle()
    first = await installation.results("consumption", "school-heat.supply")
    await installation.fill(Window(NOW, NOW + 2 * HOUR), MINUTE)
    installation.clock.now = NOW + 2 * HOUR
    await installation.analytics.cycle()
    later = await installation.results("consumption", "school-heat.supply", Window(PAST.start_us, NOW + DAY))
    assert later.times_us[0] == first.times_us[0]
    assert len(later) == len(first) + 8
    assert installation.book.list() == []


async def test_live_readings_are_watched(installation: Installation) -> None:
    clock, analytics, book = installation.clock, installation.analytics, installation.book
    await installation.fill(Window(NOW - HOUR, NOW), MINUTE)
    await analytics.cycle()
    assert book.list(only_open=True) == []
    for cycle in range(1, 41):  # ten minutes, one device says nothing and one repeats itself
        clock.now = NOW + cycle * 15 * SECOND
        spoken = [
            Reading(name, "temperature", 20.0 + cycle, clock.now)
            for name in DEVICES
            if name not in ("school-heat", "depot-water")
        ]
        stuck = Reading("depot-water", "volume_flow", 1.5, clock.now, Quality.SUSPECT, "stuck")
        await installation.store.write([*spoken, stuck])
        await analytics.cycle()
    found = {alert.kind: alert for alert in book.list(only_open=True)}
    assert set(found) == {"silent", "stuck"}
    assert found["silent"].subject == "school-heat"
    assert found["stuck"].title == "„Betriebshof Wasser“ steht fest"
    assert len(found["stuck"].evidence.times_us) >= 39
    await installation.store.write([Reading("school-heat", "heat_power", 1.0, clock.now)])
    for _ in range(4):
        clock.now += 15 * SECOND
        await analytics.cycle()
    assert book.get(found["silent"].id).state is State.RESOLVED
    events = {event.id: event for event in await installation.store.events(Window(NOW - DAY, NOW + DAY))}
    assert events[found["silent"].id].end_us is not None
    assert events[found["stuck"].id].end_us is None


async def test_when_everything_falls_silent_there_is_one_alert(installation: Installation) -> None:
    await installation.fill(Window(NOW - HOUR, NOW), MINUTE)
    await installation.analytics.cycle()
    installation.clock.now = NOW + 2 * HOUR
    await installation.analytics.cycle()
    assert [alert.kind for alert in installation.book.list(only_open=True)] == ["silent_many"]


async def test_a_gateway_that_is_down_is_one_alert_and_its_devices_none(installation: Installation) -> None:
    clock, analytics, book = installation.clock, installation.analytics, installation.book

    async def pass_time(cycles: int, *, speaking: bool) -> set[str]:
        for _ in range(cycles):
            clock.now += 15 * SECOND
            if speaking:
                spoken = [Reading(name, "temperature", clock.now % 97 / 10, clock.now) for name in DEVICES]
                await installation.store.write([*spoken, heartbeat.beat(clock.now, well=True)])
            await analytics.cycle()
        return {alert.kind for alert in book.list(only_open=True)}

    await installation.fill(Window(NOW - HOUR, NOW), MINUTE)
    clock.now = NOW
    assert await pass_time(4, speaking=True) == set()
    assert await pass_time(40, speaking=False) == {"gateway_down"}
    assert await pass_time(4, speaking=True) == set()


async def test_a_clock_that_is_set_back_ends_nothing(installation: Installation) -> None:
    await installation.fill(Window(NOW - 4 * HOUR, NOW), MINUTE)
    await installation.analytics.cycle()
    installation.clock.now = NOW - 2 * HOUR
    await installation.analytics.cycle()
    installation.clock.now = NOW + MINUTE
    await installation.analytics.cycle()
    assert installation.analytics.cycles == 3


async def test_a_defect_is_told_and_what_comes_next_is_tried(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Analytics may run in one process with the gateway, which must go on collecting."""
    analytics, again = installation.analytics, asyncio.Event()
    calls = []

    async def cycle() -> None:
        calls.append(1)
        if len(calls) > 2:
            again.set()
        raise RuntimeError("a defect")

    monkeypatch.setattr(analytics, "cycle", cycle)
    running = asyncio.create_task(analytics.run())
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.wait([running, waiting := asyncio.create_task(again.wait())], return_when=asyncio.FIRST_COMPLETED)
    assert not running.done()
    running.cancel()
    await asyncio.wait([running, waiting])
    assert running.cancelled()


async def test_workers_that_are_given_up_while_they_begin_are_ended(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, goes_on, ended = (threading.Event() for _ in range(3))

    @contextmanager
    def slow(_scheduler: str | None) -> Iterator[None]:
        begun.set()
        assert goes_on.wait(PATIENCE_S)
        try:
            yield
        finally:
            ended.set()

    async def use() -> None:
        async with installation.analytics._workers():
            raise AssertionError("it was given up before")

    monkeypatch.setattr("analytics.service.workers", slow)
    using = asyncio.create_task(use())
    assert await asyncio.to_thread(begun.wait, PATIENCE_S)
    using.cancel()
    goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await using
    assert ended.is_set()


async def test_a_meter_that_cannot_be_evaluated_stops_no_other(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Be it learned from anew, or updated together with others."""
    analytics, bad, good = installation.analytics, "school-water.supply", "school-heat.supply"
    await installation.fill(PAST)
    source = Evaluation._source

    async def defective(evaluation: Evaluation, meter: Meter, *rest: Any) -> Any:
        if meter.id == bad:
            raise IndexError("a defect")
        return await source(evaluation, meter, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(Evaluation, "_source", defective)
        await analytics.backfill(PAST)
        assert len(await installation.results("consumption", good)) > 0
        assert len(await installation.results("consumption", bad)) == 0
    await analytics.cycle()
    assert len(await installation.results("consumption", bad)) > 0

    later = Window(NOW, NOW + HOUR)
    await installation.fill(later)
    installation.clock.now = later.end_us + MINUTE
    monkeypatch.setattr(Evaluation, "_source", defective)
    await analytics.cycle()
    assert len(await installation.results("consumption", good, later)) > 0
    assert len(await installation.results("consumption", bad, later)) == 0
