"""Worked cases with published factors, each for a mistake that is often made."""

import csv
import json
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analytics.carbon import chp
from analytics.carbon.change import change
from analytics.carbon.emissions import Coverage, Split, daily
from analytics.carbon.energy import (
    Energy,
    GasPeriod,
    GasQuality,
    HsEnergy,
    emissions_kg,
    heating_oil_energy,
    metered_energy,
)
from analytics.carbon.factors import FactorSet
from analytics.carbon.hourly import Matched, matched
from analytics.carbon.mix import Intensity, Mix
from analytics.carbon.weather import heating_factor
from analytics.energy.intervals import Intervals
from analytics.reports.assemble import assemble
from analytics.reports.figure import Measure
from analytics.reports.gaps import filled
from analytics.reports.meter_sum import MeterSum
from analytics.reports.period import Period
from analytics.reports.rules import Rules
from metering.estate import Building, Carrier, Device, Estate, Meter, Role, Site
from metering.instant import HOUR, QUARTER_HOUR
from metering.localtime import LocalCalendar, quarter_hours

SHARED = Path(__file__).parents[3].parent / "shared" / "data" / "co2_golden_dev.csv"
BERLIN = LocalCalendar()
MUNICIPAL = FactorSet.load("municipal-2026")
ELECTRICITY = Meter("m", "Main", "b", Carrier.ELECTRICITY, Role.SUPPLY, "d", "active_energy_import")

Case = Mapping[str, Any]
Result = dict[str, Decimal | float | int]


def number(value: object) -> Decimal:
    return Decimal(str(value))


def grid(day: date) -> Any:
    return MUNICIPAL.factor("electricity", day)


def units(inputs: Case) -> Result:
    factor = grid(date(inputs["year"], 7, 1))
    tonnes = {emissions_kg(Energy.of(number(q["v"]), q["u"]), factor) / 1000 for q in inputs["quantities"]}
    assert max(tonnes) - min(tonnes) < Decimal("1e-18")
    return {"tCO2e_each": max(tonnes)}


def gas_volume(inputs: Case) -> Result:
    z, calorific = number(inputs["zustandszahl"]), number(inputs["brennwert_kWh_per_m3"])
    gas = GasQuality((GasPeriod(date(2024, 1, 1), None, z, calorific, "bill"),))
    day = date(2024, 7, 1)
    energy = metered_energy(Carrier.GAS, number(inputs["volume_m3"]), day, gas)
    factor = FactorSet.load("ebev-2030").factor("gas", day)
    assert isinstance(energy, HsEnergy)
    assert factor.hi_per_hs is not None
    kg = emissions_kg(energy, factor)
    return {
        "kWh_Hs": energy.kwh,
        "kWh_Hi": energy.to_hi(factor.hi_per_hs).kwh,
        "kgCO2_per_kWh_Hs": kg / energy.kwh,
        "tCO2": kg / 1000,
    }


def gas_bill(inputs: Case) -> Result:
    factor = MUNICIPAL.factor("gas", date(2023, 7, 1))
    energy = HsEnergy(number(inputs["billed_kWh_Hs"]))
    return {"kWh_Hi": energy.to_hi(number(inputs["hs_to_hi"])).kwh, "kgCO2e": emissions_kg(energy, factor)}


def heating_oil(inputs: Case) -> Result:
    energy = heating_oil_energy(number(inputs["volume_l"]), Decimal("0.845"), Decimal("42.8"))
    factor = FactorSet.load("ebev-2030").factor("heating_oil", date(2024, 7, 1))
    return {
        "GJ": energy.kwh * Decimal("0.0036"),
        "kWh_Hi_per_l": energy.kwh / number(inputs["volume_l"]),
        "tCO2": emissions_kg(energy, factor) / 1000,
    }


def year_boundary(inputs: Case) -> Result:
    first, after = date.fromisoformat(inputs["from"][:10]), date.fromisoformat(inputs["to"][:10])
    starts = np.arange(BERLIN.midnight(first), BERLIN.midnight(after), 6 * HOUR)
    kwh = np.full(len(starts), inputs["kWh"] / len(starts))
    figures = daily(ELECTRICITY, Intervals.of(starts, 6 * HOUR, kwh), MUNICIPAL, BERLIN)
    found: Result = {}
    for year in (2023, 2024):
        of_year = [figure for figure in figures if figure.day.year == year]
        found[f"kWh_{year}"] = sum(f.kwh.total for f in of_year if f.kwh)
        found[f"kgCO2e_{year}"] = sum(f.kg.total for f in of_year if f.kg)
    found["kgCO2e"] = found["kgCO2e_2023"] + found["kgCO2e_2024"]  # type: ignore[operator]
    return found


def edition_pin(inputs: Case) -> Result:
    energy, day = Energy.of(number(inputs["MWh"]), "MWh"), date(inputs["year"], 7, 1)
    tonnes = {
        name: emissions_kg(energy, FactorSet.load(f"municipal-{name}").factor("electricity", day)) / 1000
        for name in ("2025", "2026")
    }
    return {"t_13_2025": tonnes["2025"], "t_16_2026": tonnes["2026"], "delta_t": tonnes["2026"] - tonnes["2025"]}


def by_hour(starts: Any, kwh: Any, g_per_kwh: Any) -> Matched:
    """Consumption at the given intensities, interval by interval."""
    mix = Mix("golden", "", "", "DE", starts, QUARTER_HOUR, {})
    return matched(starts, kwh, Intensity(mix, g_per_kwh, np.full(len(starts), np.nan), float("nan"), 414.0, 0.0))


def short_day(inputs: Case) -> Result:
    starts = quarter_hours(BERLIN.day(date.fromisoformat(inputs["date"])))
    kwh = np.full(len(starts), float(inputs["kWh_per_quarter_hour"]))
    hours = (starts - starts[0]) // (4 * QUARTER_HOUR)
    (figure,) = daily(ELECTRICITY, Intervals.of(starts, QUARTER_HOUR, kwh), MUNICIPAL, BERLIN)
    assert figure.kwh is not None
    return {
        "quarter_hours": figure.coverage.steps,
        "hours": int(hours.max()) + 1,
        "kWh": figure.kwh.total,
        "kgCO2e": by_hour(starts, kwh, 300.0 + 10.0 * hours).computed_kg,
    }


def gap(inputs: Case) -> Result:
    year, month = map(int, inputs["period"].split("-"))
    starts = quarter_hours(BERLIN.month(year, month))
    assert len(starts) == inputs["expected_quarter_hours"]
    kwh = np.full(len(starts), float(inputs["kWh_per_valid_quarter_hour"]))
    kwh[inputs["valid_quarter_hours"] :] = np.nan
    month_sum = filled(daily(ELECTRICITY, Intervals.of(starts, QUARTER_HOUR, kwh), MUNICIPAL, BERLIN))
    assert month_sum.kwh is not None
    assert month_sum.kg is not None
    return {
        "completeness": month_sum.coverage.completeness,
        "kWh_measured": month_sum.kwh.measured,
        "kgCO2e_measured": month_sum.kg.measured,
        "kWh_estimated": month_sum.kwh.substituted,
        "kgCO2e_estimated": month_sum.kg.substituted,
        "kgCO2e_total": month_sum.kg.total,
        "estimated_share": month_sum.kwh.substituted / month_sum.kwh.total,
    }


def own_generation(inputs: Case) -> Result:
    """Through the rows of a report, of a building with three meters."""
    month = Period.parse(f"{inputs['year']}-07")
    roles = {Role.SUPPLY: "grid_import_kWh", Role.GENERATION: "pv_kWh", Role.FEED_IN: "export_kWh"}
    meters = [Meter(r, r, "b", Carrier.ELECTRICITY, r, "d", "active_energy_import") for r in roles]
    estate = Estate.of(
        [Site("s", "Site")], [Building("b", "Building", "s", "school")], [Device("d", "D", 60.0)], meters
    )
    rules = Rules(MUNICIPAL, BERLIN)
    view = rules.view("UBA-16-2026")
    whole = Coverage(1, Decimal(1), Decimal(0))
    sums = [
        part
        for one in meters
        for part in MeterSum.of(
            one,
            month.start,
            [(month, (Split(number(inputs[roles[one.role]]), Decimal(0)), whole))],
            month,
            rules,
            view,
        )
    ]
    report = assemble(estate, month, rules, view, "building:b", sums)

    def value(measure: Measure, carrier: str = "all") -> Decimal:
        found = report.figure(measure, carrier=carrier).value
        assert found is not None
        return found

    assert value(Measure.OWN_USE) == inputs["self_kWh"]
    assert value(Measure.FEED_IN) == inputs["export_kWh"]
    return {
        "site_consumption_kWh": value(Measure.ENERGY),
        "inventory_kgCO2e": value(Measure.EMISSIONS),
        "avoided_kgCO2e_info": value(Measure.AVOIDED),
        "self_consumption_share": value(Measure.SELF_CONSUMPTION, "electricity") / 100,
        "self_sufficiency_share": value(Measure.SELF_SUFFICIENCY, "electricity") / 100,
    }


def weather(inputs: Case) -> Result:
    ratio, before, after = (number(inputs[key]) for key in ("consumption_ratio", "gtz_before", "gtz_after"))
    corrected = ratio * heating_factor(after, reference=before)
    return {"correction": corrected / ratio, "corrected_ratio": corrected, "saving": 1 - corrected}


def district_heat(inputs: Case) -> Result:
    energy, day = Energy.of(number(inputs["MWh_heat"]), "MWh"), date(2026, 7, 1)
    sets = {"t_EVO_GEG": "evo-2022", "t_BISKO_default": "bisko-2024", "t_BAFA": "bafa-2026"}
    return {key: emissions_kg(energy, FactorSet.load(name).factor("heat", day)) / 1000 for key, name in sets.items()}


def chp_exergetic(inputs: Case) -> Result:
    fuel, power, heat = (number(inputs[key]) for key in ("fuel_MWh_Hi", "electricity_MWh", "heat_MWh"))
    share = chp.exergetic_share(power, heat, supply_k=number(inputs["t_supply_K"]), return_k=chp.BISKO_RETURN_K)
    total = fuel * MUNICIPAL.factor("gas", date(2023, 7, 1)).kg_per_kwh
    return {
        "z_heat": 1 - chp.BISKO_RETURN_K / number(inputs["t_supply_K"]),
        "a_heat": share,
        "a_el": 1 - share,
        "tCO2e_total": total,
        "tCO2e_heat": share * total,
        "g_per_kWh_heat": share * total / heat * 1000,
        "g_per_kWh_el": (1 - share) * total / power * 1000,
    }


def chp_finnish(inputs: Case) -> Result:
    flows = [number(inputs[key]) for key in ("fuel_MWh_Hi", "electricity_MWh", "heat_MWh")]
    reference = {
        "reference_electric": number(inputs["eta_el_ref"]),
        "reference_thermal": number(inputs["eta_th_ref"]),
    }
    share = chp.finnish_share(*flows, **reference)
    heat = share * flows[0] * FactorSet.load("ebev-2030").factor("gas", date(2024, 7, 1)).kg_per_kwh
    return {
        "a_heat": share,
        "PEE_saving": chp.primary_energy_saving(*flows, **reference),
        "tCO2_heat": heat,
        "g_per_kWh_heat": heat / flows[2] * 1000,
    }


def hourly(inputs: Case) -> Result:
    kwh, intensity = np.array(inputs["kWh"], float), np.array(inputs["g_per_kWh"], float)
    found = by_hour(np.arange(len(kwh)) * QUARTER_HOUR, kwh, intensity)
    assert found.computed_g_per_kwh is not None
    return {
        "kgCO2e": found.computed_kg,
        "weighted_g_per_kWh": found.computed_g_per_kwh,
        "simple_average_g_per_kWh": float(intensity.mean()),
    }


def decomposition(inputs: Case) -> Result:
    before, now = (Energy.of(number(inputs[key]), "MWh").kwh for key in ("MWh_prev", "MWh_now"))
    bisko = FactorSet.load("bisko-2024")
    old, new = (bisko.factor("electricity", date(year, 7, 1)).kg_per_kwh for year in (2021, 2022))
    parts = change(before, before * old, now, now * new)
    return {
        "t_prev": before * old / 1000,
        "t_now": now * new / 1000,
        "delta_t": parts.total_kg / 1000,
        "activity_effect_t": parts.activity_kg / 1000,
        "factor_effect_t": parts.factor_kg / 1000,
    }


CALCULATIONS: Mapping[str, Callable[[Case], Result]] = {
    "D01": units,
    "D02": gas_volume,
    "D03": gas_bill,
    "D04": heating_oil,
    "D05": year_boundary,
    "D06": edition_pin,
    "D07": short_day,
    "D08": gap,
    "D09": own_generation,
    "D10": weather,
    "D11": district_heat,
    "D12": chp_exergetic,
    "D13": chp_finnish,
    "D14": hourly,
    "D15": decomposition,
}


def cases() -> list[Any]:
    if not SHARED.exists():
        return [
            pytest.param(None, marks=pytest.mark.skip("../shared/data/co2_golden_dev.csv is not beside the checkout"))
        ]
    with SHARED.open(encoding="utf-8", newline="") as file:
        return [pytest.param(row, id=row["case_id"]) for row in csv.DictReader(file)]


@pytest.mark.parametrize("case", cases())
def test_golden_case(case: Mapping[str, str]) -> None:
    found = CALCULATIONS[case["case_id"]](json.loads(case["inputs_json"]))
    expected = json.loads(case["expected_json"])
    tolerance = max(float(case["tolerance"]), 5e-7)  # the printed digits of the expected values
    assert {key: float(value) for key, value in found.items()} == pytest.approx(expected, abs=tolerance, rel=1e-9)
