"""The arithmetic behind the pages."""

from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.carbon.target import Target
from dashboards.web import views
from dashboards.web.views import DeviceState
from metering.estate import Building, Carrier, Device, Estate, Meter, Role, Site
from metering.instant import DAY, HOUR, MINUTE, QUARTER_HOUR, SECOND, parse
from metering.localtime import LocalCalendar, quarter_hours
from metering.reading import Series
from metering.samples import Samples

BERLIN = LocalCalendar()


def samples(*points: tuple[int, float]) -> Samples:
    return Samples.of(np.array([time for time, _ in points]), np.array([value for _, value in points]))


def estate(*meters: Meter) -> Estate:
    devices = [Device(name, name, 10.0) for name in dict.fromkeys(meter.device for meter in meters)]
    return Estate.of([Site("s", "S")], [Building("b", "B", "s", "school")], devices, meters)


def meter(name: str, role: Role, device: str, power: str | None = "active_power", parent: str | None = None) -> Meter:
    return Meter(name, name, "b", Carrier.ELECTRICITY, role, device, "active_energy_import", parent, power)


@pytest.mark.parametrize(
    ("interval_s", "silence_us", "state"),
    [
        (10, 30 * SECOND, DeviceState.ONLINE),
        (10, 90 * SECOND, DeviceState.LATE),
        (10, 3 * MINUTE, DeviceState.SILENT),
        (900, 35 * MINUTE, DeviceState.ONLINE),
        (900, 50 * MINUTE, DeviceState.LATE),
        (900, 6 * HOUR, DeviceState.SILENT),
    ],
)
def test_a_device_is_late_by_its_own_interval(interval_s: float, silence_us: int, state: DeviceState) -> None:
    assert views.device_state(Device("d", "D", interval_s), DAY - silence_us, DAY) == state


def test_a_device_never_heard_is_silent() -> None:
    assert views.device_state(Device("d", "D", 10), None, DAY) == DeviceState.SILENT


def test_load_is_what_comes_from_the_network_and_the_roof() -> None:
    meters = [
        meter("in", Role.SUPPLY, "main", None),
        meter("out", Role.FEED_IN, "main", None),
        meter("pv", Role.GENERATION, "inverter", "active_power_generation"),
        meter("kitchen", Role.SUBMETER, "sub", parent="in"),
        meter("annexe", Role.SUPPLY, "annexe", parent="in"),
    ]
    network, generation = views.power_terms(meters, estate(*meters))
    assert network == {Series("main", "active_power"): 1.0}
    assert generation == [Series("inverter", "active_power_generation")]
    power = {Series("main", "active_power"): -4000.0, Series("inverter", "active_power_generation"): 9000.0}
    assert views.load_now(network, generation, power.get) == views.Total(5000.0, 2, 2)


def test_separate_export_power_is_subtracted() -> None:
    meters = [
        meter("in", Role.SUPPLY, "main", "active_power_import"),
        meter("out", Role.FEED_IN, "main", "active_power_export"),
    ]
    network, _ = views.power_terms(meters, estate(*meters))
    assert sorted(network.values()) == [-1.0, 1.0]


def test_a_load_is_unknown_without_the_network() -> None:
    network, generation = {Series("a", "active_power"): 1.0}, [Series("pv", "active_power_generation")]
    found = views.load_now(network, generation, {generation[0]: 5.0}.get)
    assert found == views.Total(None, 1, 2)


def test_added_curves_bridge_short_gaps_and_say_how_complete_they_are() -> None:
    times = np.arange(0, 4 * HOUR, 30 * MINUTE, dtype=np.int64)
    whole = Samples.of(times, np.full(8, 10.0))
    gappy = samples((0, 5.0), (HOUR, 7.0))
    sums, share = views.added([(whole, 1.0), (gappy, -1.0)], times, 30 * MINUTE)
    assert sums.tolist() == [5, 5, 3, 3, 3, 10, 10, 10]
    assert share == pytest.approx(13 / 16)


def test_nothing_added_is_a_gap_and_no_zero() -> None:
    sums, share = views.added([(Samples.empty(), 1.0)], np.array([0, HOUR]), HOUR)
    assert np.isnan(sums).all()
    assert share == 0


@given(st.lists(st.integers(0, 200), unique=True, min_size=1))
def test_a_curve_breaks_wherever_a_bucket_is_missing(slots: list[int]) -> None:
    slots.sort()
    curve = views.with_gaps("x", samples(*((slot * HOUR, 1.0) for slot in slots)), HOUR)
    assert np.isfinite(curve.values).sum() == len(slots)
    assert np.isnan(curve.values).sum() == sum(b - a > 1 for a, b in pairwise(slots))
    assert (np.diff(curve.times_us) > 0).all()


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-03-30", 24), ("2026-10-25", 25)])
def test_days_are_local(day: str, hours: int) -> None:
    window = BERLIN.day(BERLIN.date_of(parse(f"{day}T12:00:00Z")))
    hourly = np.arange(window.start_us - 5 * HOUR, window.end_us + 5 * HOUR, HOUR)
    found = views.by_local_day(Samples.of(hourly, np.ones(len(hourly))), BERLIN)
    assert found.values.tolist() == [5.0, hours, 5.0]
    assert found.times_us[1] == window.start_us


def test_parts_of_a_month_are_its_local_days() -> None:
    parts = views.parts_of(2026, 3, BERLIN)
    assert len(parts) == 31
    assert [len(quarter_hours(part)) for part in parts[27:30]] == [96, 92, 96]
    day = samples((parts[0].start_us, 1.0), (parts[0].end_us - QUARTER_HOUR, 2.0), (parts[1].start_us, 4.0))
    assert views.by_parts(day, parts)[:3] == [3.0, 4.0, None]


@given(st.integers(1990, 2100), st.integers(1, 12))
def test_neighbours_of_a_month(year: int, month: int) -> None:
    (before_year, before), (after_year, after) = views.neighbours(year, month)
    assert before is not None
    assert after is not None
    assert before_year * 12 + before == year * 12 + month - 1
    assert after_year * 12 + after == year * 12 + month + 1


def test_completeness_is_unknown_before_anything_could_be_measured() -> None:
    assert views.share(0, 0) is None
    assert views.share(3, 4) == 0.75


def test_years_are_held_against_the_path_only_if_they_are_whole() -> None:
    target = Target(2023, {2025: Decimal("0.5")}, {2023: Decimal(1000)})
    years = views.target_years(target, {2024: (990.0, 0.99), 2025: (100.0, 0.2)})
    assert [year.path_kg for year in years] == [1000.0, 750.0, 500.0]
    assert [year.emitted_kg for year in years] == [1000.0, 990.0, 100.0]
    assert [year.is_whole for year in years] == [True, True, False]
    assert [year.completeness for year in years] == [None, 0.99, 0.2]


@pytest.mark.parametrize(("measured", "path"), [(0.97, None), (0.98, 500.0)])
def test_a_path_needs_a_whole_base_year(measured: float, path: float | None) -> None:
    years = views.target_years(Target(2024, {2025: Decimal("0.5")}), {2024: (1000.0, measured)})
    assert [year.path_kg for year in years] == [path and 2 * path, path]
    assert views.target_years(Target(2024, {2025: Decimal("0.5")}), {2024: (0.0, 0.0)})[0].emitted_kg is None
