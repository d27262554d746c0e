"""From stored interval results to a report in every format, through a real store."""

import csv
import io
import json
from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from analytics.carbon.energy import GasPeriod, GasQuality
from analytics.carbon.factors import FactorSet
from analytics.reports.assemble import assemble
from analytics.reports.collect import Rules, collect, on_grid
from analytics.reports.formats import FORMATS, write
from analytics.reports.period import Period
from analytics.reports.report import Report
from metering.estate import Building, Carrier, Device, Estate, Meter, Role, Site
from metering.instant import HOUR, MINUTE, QUARTER_HOUR, Window
from metering.localtime import LocalCalendar, quarter_hours
from metering.quality import Quality
from metering.reading import Reading
from metering.samples import Samples
from storage.embedded.store import EmbeddedStore
from storage.protocol import Store
from storage.settings import EmbeddedSettings

BERLIN = LocalCalendar()
OCTOBER = Period.parse("2025-10")
GAS = GasQuality((GasPeriod(date(2025, 1, 1), None, Decimal("0.9650"), Decimal("11.400"), "Gasrechnung 2025"),))
RULES = Rules(FactorSet.load("municipal-2026"), BERLIN, GAS)


def meter(name: str, building: str, carrier: Carrier, role: Role = Role.SUPPLY) -> Meter:
    return Meter(name, name, building, carrier, role, "device", "active_energy_import")


ESTATE = Estate.of(
    [Site("site", "Schulhof")],
    [Building("school", "Grundschule Süd; Haus A", "site", "school"), Building("hall", "=Rathaus", "site", "office")],
    [Device("device", "Zähler", 60.0)],
    [
        meter("school-power", "school", Carrier.ELECTRICITY),
        meter("school-kitchen", "school", Carrier.ELECTRICITY, Role.SUBMETER),
        meter("school-pv", "school", Carrier.ELECTRICITY, Role.FEED_IN),
        meter("school-gas", "school", Carrier.GAS),
        meter("school-water", "school", Carrier.WATER),
        meter("hall-power", "hall", Carrier.ELECTRICITY),
        meter("hall-garage", "hall", Carrier.ELECTRICITY),
        meter("hall-heat", "hall", Carrier.HEAT),
    ],
)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = EmbeddedStore(EmbeddedSettings(path=tmp_path / "store.duckdb"))
    await opened.start()
    yield opened
    await opened.close()


def month_of(name: str, kwh: float, quality: Quality = Quality.MEASURED, *, share: float = 1.0) -> list[Reading]:
    """October 2025 with ``kwh`` in each of its first ``share`` quarter-hours."""
    starts = quarter_hours(OCTOBER.window(BERLIN)).tolist()
    starts = starts[: round(len(starts) * share)]
    complete = 1.0 if quality is Quality.MEASURED else 0.0
    return [
        reading
        for start in starts
        for reading in (
            Reading(name, "consumption", kwh, start, quality, "" if complete else "gap"),
            Reading(name, "completeness", complete, start),
        )
    ]


async def october(store: Store) -> Report:
    await store.write(month_of("school-power", 2.0))
    await store.write(month_of("school-kitchen", 1.0))
    await store.write(month_of("school-pv", 1.0))
    await store.write(month_of("school-gas", 1.0, share=0.5))
    await store.write(month_of("school-water", 1.0))
    await store.write(month_of("hall-power", 1.0))
    await store.write(month_of("hall-garage", 0.5, Quality.SUBSTITUTED))
    return await collect(store, ESTATE, OCTOBER, RULES)


def table(report: Report) -> dict[tuple[str, str], dict[str, str]]:
    text = write(report, "csv").decode("utf-8-sig")
    return {(row["Gebäude-Nr."], row["Energieträger"]): row for row in csv.DictReader(io.StringIO(text), delimiter=";")}


async def test_a_month_of_two_buildings(store: Store) -> None:
    rows = table(await october(store))
    assert list(rows) == [("hall", "Strom"), ("hall", "Fernwärme"), ("school", "Strom"), ("school", "Erdgas")]
    steps = 31 * 96 + 4  # October has the long day

    power = rows["school", "Strom"]
    assert power["Energie gesamt (kWh)"] == f"{steps * 2},000"
    assert power["Emissionen gesamt (kg)"] == f"{steps * 2 * 0.406:.3f}".replace(".", ",")
    assert power["Vollständigkeit (%)"] == "100,0"
    assert power["Zähler"] == "school-power"
    assert power["Faktor"] == "uba-16-2026/electricity/DE/2025-01-01/CO2e/upstream"
    assert power["Stand des Faktors"] == "geschätzt"
    assert power["Hinweis"] == ""

    both = rows["hall", "Strom"]
    assert both["Zähler"] == "hall-garage hall-power"
    assert both["Energie gemessen (kWh)"] == f"{steps},000"
    assert both["Energie ersetzt (kWh)"] == f"{steps / 2:.3f}".replace(".", ",")
    assert both["Vollständigkeit (%)"] == "50,0"
    assert both["Gebäude"] == "'=Rathaus"


async def test_gaps_are_filled_in_and_said(store: Store) -> None:
    gas = table(await october(store))["school", "Erdgas"]
    half = Decimal(31 * 96 + 4) / 2 * Decimal("0.965") * Decimal("11.4")
    kg = half * Decimal("0.903") * Decimal("0.247")
    assert gas["Energie gemessen (kWh)"] == gas["Energie ersetzt (kWh)"] == f"{half:.3f}".replace(".", ",")
    assert gas["Emissionen gesamt (kg)"] == f"{2 * kg:.3f}".replace(".", ",")
    assert gas["Vollständigkeit (%)"] == "50,0"
    assert gas["Anteil Ersatzwerte (%)"] == "50,0"
    assert gas["Bezug"] == "kWh(Hs)"
    assert gas["Faktor (g/kWh)"] == "247 (Hi)"
    assert gas["Stand des Faktors"] == "endgültig, jüngster veröffentlichter Wert"
    assert gas["Hinweis"] == "Lücken mit dem Mittel der bekannten Werte gefüllt"


async def test_a_meter_without_any_value_is_a_row_and_not_a_zero(store: Store) -> None:
    heat = table(await october(store))["hall", "Fernwärme"]
    assert heat["Energie gesamt (kWh)"] == heat["Emissionen gesamt (kg)"] == ""
    assert heat["Vollständigkeit (%)"] == "0,0"
    assert heat["Hinweis"] == "Keine Messwerte vorhanden"


async def test_gas_without_its_quality_says_so(store: Store) -> None:
    await store.write(month_of("school-gas", 1.0))
    report = await collect(store, ESTATE, OCTOBER, Rules(RULES.factors, BERLIN))
    gas = table(report)["school", "Erdgas"]
    assert gas["Energie gesamt (kWh)"] == ""
    assert gas["Hinweis"].startswith("Für das Gas fehlen Zustandszahl und Brennwert")


async def test_json_carries_the_factors_with_their_sources(store: Store) -> None:
    report = json.loads(write(await october(store), "json", "en"))
    assert (report["start"], report["end"], report["timezone"]) == ("2025-10-01", "2025-11-01", "Europe/Berlin")
    assert report["factor_set"] == "municipal-2026"
    used = {row["factor"] for row in report["rows"] if row["kg"] is not None}
    sources = {factor["id"]: factor for factor in report["factors"]}
    assert used <= set(sources)
    assert all(factor["document"] and factor["page"] and factor["url"] for factor in sources.values())
    assert {row["carrier"] for row in report["rows"]} == {"Electricity", "District heat", "Natural gas"}


@pytest.mark.parametrize("extension", FORMATS)
async def test_the_same_report_gives_the_same_bytes(store: Store, extension: str) -> None:
    first = write(await october(store), extension)
    assert write(await collect(store, ESTATE, OCTOBER, RULES), extension) == first
    assert first != write(await collect(store, ESTATE, Period.parse("2025-09"), RULES), extension)


def test_an_unknown_format_is_refused() -> None:
    empty = assemble(ESTATE, OCTOBER, RULES, RULES.view(), "city", [])
    with pytest.raises(LookupError, match="unknown report format 'doc'; known: pdf, xlsx, html, csv, json"):
        write(empty, "doc")


def test_results_off_the_grid_are_left_out() -> None:
    day = BERLIN.day(date(2025, 6, 1))
    times = np.array([day.start_us, day.start_us + 7 * MINUTE, day.start_us + HOUR], np.int64)
    stored = Samples.of(times, np.array([1.0, 2.0, 3.0]))
    columns = (stored, Samples.empty(), Samples.empty())
    intervals = on_grid(columns, Window(day.start_us, day.start_us + 2 * HOUR), QUARTER_HOUR)
    assert np.flatnonzero(np.isfinite(intervals.consumption)).tolist() == [0, 4]
    assert intervals.completeness.tolist() == [1, 0, 0, 0, 1, 0, 0, 0]


@pytest.mark.parametrize("text", ["", "2025-13", "Oktober", "2025-10-32", "2025-10-01-01"])
def test_a_period_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write 2026, 2026-10 or 2026-10-05"):
        Period.parse(text)


def test_of_a_running_period_only_what_is_over_counts() -> None:
    assert Period.parse("2026").until(date(2026, 3, 5)) == Period(date(2026, 1, 1), date(2026, 3, 5))
    assert Period.parse("2025").until(date(2026, 3, 5)) == Period.parse("2025")
    with pytest.raises(ValueError, match="has no day"):
        Period.parse("2027").until(date(2026, 3, 5))
