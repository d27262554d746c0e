"""Emissions of intervals and days: local time, gaps, roles, heat bases."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.carbon.emissions import Problem, daily, interval_emissions
from analytics.carbon.energy import Energy, GasPeriod, GasQuality, HiEnergy, HsEnergy, emissions_kg
from analytics.carbon.factors import FactorSet
from analytics.energy.intervals import Intervals
from metering.estate import Carrier, Meter, Role
from metering.instant import DAY, HOUR, QUARTER_HOUR, Window
from metering.localtime import LocalCalendar, quarter_hours
from metering.quality import Quality

BERLIN = LocalCalendar()
MUNICIPAL = FactorSet.load("municipal-2026")
POWER = Meter("power", "Main", "b", Carrier.ELECTRICITY, Role.SUPPLY, "d", "active_energy_import")
GAS = Meter("gas", "Gas", "b", Carrier.GAS, Role.SUPPLY, "d", "gas_volume")
BILLS = GasQuality(
    (
        GasPeriod(date(2023, 1, 1), date(2024, 1, 1), Decimal("0.9650"), Decimal("11.400"), "bill 2023"),
        GasPeriod(date(2024, 1, 1), None, Decimal("0.9650"), Decimal("11.200"), "bill 2024"),
    )
)


def uniform(window: Window, amount: float) -> Intervals:
    starts = quarter_hours(window)
    return Intervals.of(starts, QUARTER_HOUR, np.full(len(starts), amount))


def test_the_factor_changes_at_local_midnight() -> None:
    intervals = uniform(Window(BERLIN.midnight(date(2024, 1, 1)) - HOUR, BERLIN.midnight(date(2024, 1, 1)) + HOUR), 1.0)
    kg = interval_emissions(POWER, intervals, MUNICIPAL, BERLIN)
    assert kg == pytest.approx([0.442] * 4 + [0.414] * 4)


@pytest.mark.parametrize(("day", "steps"), [("2025-03-30", 92), ("2025-06-01", 96), ("2025-10-26", 100)])
def test_days_have_their_own_number_of_quarter_hours(day: str, steps: int) -> None:
    (figure,) = daily(POWER, uniform(BERLIN.day(date.fromisoformat(day)), 2.5), MUNICIPAL, BERLIN)
    assert figure.coverage.steps == steps
    assert figure.coverage.completeness == 1
    assert figure.kwh is not None
    assert figure.kwh.total == Decimal("2.5") * steps
    assert figure.kg is not None
    assert figure.kg.total == Decimal("2.5") * steps * Decimal("0.406")


def test_a_gap_is_unknown_and_not_zero() -> None:
    intervals = uniform(BERLIN.day(date(2025, 6, 1)), 1.0)
    intervals.consumption[:24] = np.nan
    intervals.completeness[:24] = 0.0
    kg = interval_emissions(POWER, intervals, MUNICIPAL, BERLIN)
    assert np.isnan(kg[:24]).all()
    (figure,) = daily(POWER, intervals, MUNICIPAL, BERLIN)
    assert figure.coverage.unknown == 24
    assert figure.coverage.completeness == Decimal("0.75")
    assert figure.kwh is not None
    assert figure.kwh.total == 72


def test_absent_intervals_are_as_unknown_as_nan() -> None:
    day = BERLIN.day(date(2025, 6, 1))
    (figure,) = daily(POWER, uniform(Window(day.start_us, day.start_us + DAY // 2), 1.0), MUNICIPAL, BERLIN)
    assert figure.coverage.unknown == 48


def test_substituted_energy_is_kept_apart() -> None:
    intervals = uniform(BERLIN.day(date(2025, 6, 1)), 1.0)
    intervals.qualities[:10] = Quality.SUBSTITUTED
    intervals.completeness[:10] = 0.0
    (figure,) = daily(POWER, intervals, MUNICIPAL, BERLIN)
    assert figure.kwh is not None
    assert figure.kwh.measured == 86
    assert figure.kwh.substituted == 10
    assert figure.coverage.unknown == 0


@pytest.mark.parametrize("quality", [Quality.ESTIMATED, Quality.SUBSTITUTED, Quality.SUSPECT])
def test_a_replacement_value_is_not_measured_however_complete(quality: Quality) -> None:
    intervals = uniform(BERLIN.day(date(2025, 6, 1)), 1.0)
    intervals.qualities[:24] = quality
    (figure,) = daily(POWER, intervals, MUNICIPAL, BERLIN)
    assert figure.kwh is not None
    assert (figure.kwh.measured, figure.kwh.substituted) == (72, 24)
    assert (figure.coverage.completeness, figure.coverage.unknown) == (Decimal("0.75"), 0)


@pytest.mark.parametrize("role", [Role.FEED_IN, Role.GENERATION, Role.SUBMETER])
def test_only_supply_has_emissions(role: Role) -> None:
    meter = replace(POWER, role=role)
    intervals = uniform(BERLIN.day(date(2025, 6, 1)), 1.0)
    assert np.isnan(interval_emissions(meter, intervals, MUNICIPAL, BERLIN)).all()
    (figure,) = daily(meter, intervals, MUNICIPAL, BERLIN)
    assert figure.kwh is not None
    assert figure.kg is None
    assert figure.rate.problem is Problem.NO_EMISSIONS


def test_gas_is_converted_with_the_bill_of_its_day() -> None:
    window = Window(BERLIN.midnight(date(2023, 12, 31)), BERLIN.midnight(date(2024, 1, 2)))
    before, after = daily(GAS, uniform(window, 1.0), MUNICIPAL, BERLIN, gas=BILLS)
    assert before.kwh is not None
    assert after.kwh is not None
    assert before.kwh.total == 96 * Decimal("0.9650") * Decimal("11.4")
    assert after.kwh.total == 96 * Decimal("0.9650") * Decimal("11.2")
    assert before.kg is not None
    assert before.kg.total == before.kwh.total * Decimal("0.903") * Decimal("0.247")
    kg = interval_emissions(GAS, uniform(window, 1.0), MUNICIPAL, BERLIN, gas=BILLS)
    assert kg[:96].sum() == pytest.approx(float(before.kg.total))


@pytest.mark.parametrize(
    ("meter", "gas", "year", "problem"),
    [
        (GAS, None, 2024, Problem.NO_GAS_QUALITY),
        (GAS, BILLS, 2022, Problem.NO_GAS_QUALITY),
        (replace(POWER, carrier=Carrier.WATER), None, 2024, Problem.NO_ENERGY),
        (POWER, None, 1985, Problem.NO_FACTOR),
    ],
)
def test_what_is_missing_is_named(meter: Meter, gas: GasQuality | None, year: int, problem: Problem) -> None:
    intervals = uniform(BERLIN.day(date(year, 6, 1)), 1.0)
    (figure,) = daily(meter, intervals, MUNICIPAL, BERLIN, gas=gas)
    assert figure.kg is None
    assert figure.rate.problem is problem
    assert np.isnan(interval_emissions(meter, intervals, MUNICIPAL, BERLIN, gas=gas)).all()


def test_energy_and_factor_must_be_of_one_kind() -> None:
    day = date(2024, 6, 1)
    gas, power = MUNICIPAL.factor("gas", day), MUNICIPAL.factor("electricity", day)
    with pytest.raises(ValueError, match=r"per kWh\(Hi\) and does not fit Energy"):
        emissions_kg(Energy(Decimal(1)), gas)
    with pytest.raises(ValueError, match=r"per kWh\(none\) and does not fit HsEnergy"):
        emissions_kg(HsEnergy(Decimal(1)), power)
    with pytest.raises(LookupError, match="does not say how many are in a kWh"):
        emissions_kg(HsEnergy(Decimal(1)), FactorSet.load("bisko-2024").factor("gas", day))
    assert emissions_kg(HiEnergy(Decimal(1)), gas) == Decimal("0.247")


def test_mixed_up_gas_values_are_refused() -> None:
    with pytest.raises(ValueError, match="Zustandszahl"):
        GasPeriod(date(2024, 1, 1), None, Decimal("11.2"), Decimal("0.965"), "bill")
    with pytest.raises(ValueError, match="overlaps"):
        GasQuality((*BILLS.periods, GasPeriod(date(2024, 6, 1), None, Decimal("0.96"), Decimal(11), "other")))


@settings(deadline=None)
@given(
    st.lists(st.one_of(st.just(float("nan")), st.floats(0, 5000)), min_size=1, max_size=300),
    st.integers(0, 400),
)
def test_days_add_up_to_the_whole_whatever_the_split(values: list[float], offset: int) -> None:
    start = BERLIN.midnight(date(2025, 3, 29)) + offset * QUARTER_HOUR
    starts = start + QUARTER_HOUR * np.arange(len(values), dtype=np.int64)
    intervals = Intervals.of(starts, QUARTER_HOUR, np.array(values))
    figures = daily(POWER, intervals, MUNICIPAL, BERLIN)
    total = sum((figure.kwh.total for figure in figures if figure.kwh), Decimal(0))
    assert total == Decimal(str(intervals.total)).quantize(Decimal("0.000001"))
    known = int(np.isfinite(intervals.consumption).sum())
    assert sum(figure.coverage.steps - figure.coverage.unknown for figure in figures) == known
    kg = interval_emissions(POWER, intervals, MUNICIPAL, BERLIN)
    assert np.array_equal(np.isnan(kg), np.isnan(intervals.consumption))
    assert np.nansum(kg) == pytest.approx(float(sum(f.kg.total for f in figures if f.kg)), abs=1e-3)
