"""A building's energy report, row by row, in every format."""

import csv
import io
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import openpyxl
import pypdfium2
import pytest

from analytics.carbon.conformity import Grade
from analytics.carbon.energy import GasPeriod, GasQuality
from analytics.carbon.factors import FactorSet
from analytics.carbon.weather import Normalisation
from analytics.reports.building import sheet
from analytics.reports.building.rows import EnergyRow, energy_rows
from analytics.reports.collect import collect
from analytics.reports.period import Period
from analytics.reports.rules import Rules
from metering.estate import Building, Carrier, Device, Estate, Meter, Role, Site
from metering.localtime import LocalCalendar, quarter_hours
from metering.quality import Quality
from metering.reading import Reading
from storage.embedded.store import EmbeddedStore
from storage.protocol import Store
from storage.settings import EmbeddedSettings

BERLIN = LocalCalendar()
GAS = GasQuality((GasPeriod(date(2023, 1, 1), None, Decimal("0.9650"), Decimal("11.400"), "Gasrechnung"),))
PRICES = {Carrier.ELECTRICITY: Decimal("0.30"), Carrier.WATER: Decimal(2)}
RULES = Rules(FactorSet.load(), BERLIN, GAS, prices=PRICES)
STEPS = 2976  # quarter-hours of July


def meter(name: str, carrier: Carrier, role: Role = Role.SUPPLY) -> Meter:
    return Meter(name, name, "school", carrier, role, "device", "active_energy_import")


ESTATE = Estate.of(
    [Site("north", "Nord")],
    [Building("school", "=Schule", "north", "school", 1000.0)],
    [Device("device", "Zähler", 60.0)],
    [meter("el", Carrier.ELECTRICITY), meter("gas", Carrier.GAS), meter("water", Carrier.WATER)],
)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = EmbeddedStore(EmbeddedSettings(path=tmp_path / "store.duckdb"))
    await opened.start()
    for year, factor in ((2023, 2.0), (2024, 1.0)):
        starts = quarter_hours(Period.parse(f"{year}-07").window(BERLIN)).tolist()
        for name, amount in (("el", 1.0), ("gas", 0.1), ("water", 0.01)):
            quality = [
                Quality.SUBSTITUTED if name == "el" and n < 744 else Quality.MEASURED for n in range(len(starts))
            ]
            made = [
                Reading(name, "consumption", amount * factor, at, own) for at, own in zip(starts, quality, strict=True)
            ]
            await opened.write([*made, *(Reading(name, "completeness", 1.0, at) for at in starts)])
    yield opened
    await opened.close()


async def rows(store: Store, period: str = "2024-07", rules: Rules = RULES) -> dict[Carrier, EnergyRow]:
    asked = Period.parse(period)
    whole = await collect(store, ESTATE, asked, rules, rules.view("UBA-16-2026"), "building:school", compare=True)
    direct = await collect(store, ESTATE, asked, rules, rules.view("GHGP-LB"), "building:school")
    return {row.carrier: row for row in energy_rows(ESTATE, rules, whole, direct)}


async def test_every_number_of_a_month(store: Store) -> None:
    found = await rows(store)
    gas, power, water = found[Carrier.GAS], found[Carrier.ELECTRICITY], found[Carrier.WATER]
    volume = STEPS * Decimal("0.1")
    assert (gas.amount, gas.unit, gas.meters) == (volume, "m³", ("gas",))
    assert gas.kwh == volume * Decimal("0.965") * Decimal("11.4")
    assert gas.kwh_hi == gas.kwh * Decimal("0.903")
    assert gas.gas is not None
    assert gas.direct is not None
    assert gas.upstream is not None
    assert gas.direct.value == gas.kwh_hi * Decimal("0.20088")
    assert gas.upstream.value == gas.kwh_hi * Decimal("0.247")
    assert (power.kwh, power.kwh_hi, power.cost, power.per_area) == (2976, 2976, Decimal("892.8"), Decimal("2.976"))
    assert power.direct is not None
    assert power.direct.value == STEPS * Decimal("0.361")
    assert (power.completeness, power.estimated, power.grades) == (Decimal("0.75"), Decimal("0.25"), (Grade.A, Grade.B))
    assert gas.grades == (Grade.A,)
    assert (water.amount, water.kwh, water.upstream, water.cost) == (Decimal("29.76"), None, None, Decimal("59.52"))
    change = power.change
    assert change is not None
    assert change.now - change.before == change.activity + change.weather + change.factor + change.boundary
    assert change.activity == -STEPS * Decimal("0.442")


async def test_only_years_are_weather_corrected(store: Store) -> None:
    weather = Normalisation("G20/15", "Offenbach", {2023: Decimal(1), 2024: Decimal("1.1")}, Decimal(0))
    rules = replace(RULES, weather=weather)
    month, year = await rows(store, "2024-07", rules), await rows(store, "2024", rules)
    assert month[Carrier.GAS].corrected_kwh is None
    gas = year[Carrier.GAS]
    assert gas.kwh is not None
    assert gas.corrected_kwh == gas.kwh * Decimal("1.1")
    assert gas.weather_method == "G20/15, Offenbach"
    assert year[Carrier.ELECTRICITY].corrected_kwh is None


async def test_the_overview_says_what_is_missing_and_what_the_gas_was(store: Store) -> None:
    bills = [
        GasPeriod(date(2024, month, 1), date(2024, month + 1, 1), Decimal("0.9650"), Decimal(value), "Gasrechnung")
        for month, value in ((6, "11.3"), (7, "11.4"))
    ]
    view = RULES.view("UBA-16-2026")
    both = (await rows(store, "2024-06-01..2024-08-01", replace(RULES, gas=GasQuality(tuple(bills)))))[Carrier.GAS]
    cells = sheet.cells(both, "de")
    assert (cells["state_number"], cells["calorific_value"]) == (Decimal("0.9650"), "11,3 – 11,4")
    lacking = list((await rows(store, rules=replace(RULES, gas=None))).values())
    page = sheet.write(lacking, view, "html", "en").decode()
    assert "Natural gas\N{NO-BREAK SPACE}*" in page
    assert page.count(">incomplete<") == 4
    assert "state number and calorific value are missing" in page


async def test_every_format_says_the_same(store: Store) -> None:
    found, view = list((await rows(store)).values()), RULES.view("UBA-16-2026")
    made = {format_: sheet.write(found, view, format_) for format_ in sheet.FORMATS}
    assert made == {format_: sheet.write(found, view, format_) for format_ in sheet.FORMATS}
    lines = list(csv.DictReader(io.StringIO(made["csv"].decode("utf-8-sig")), delimiter=";"))
    gas = next(line for line in lines if line["Energieträger"] == "Erdgas")
    assert gas["Energie (kWh; Erdgas Hs)"] == "3273,898"
    assert gas["Gebäude"] == "'=Schule"
    assert [row["kwh"] for row in json.loads(made["json"])["rows"]] == [2976.0, 3273.898, None]
    book = openpyxl.load_workbook(io.BytesIO(made["xlsx"]))
    assert 3273.898 in [cell.value for cell in book.active["C"]]  # type: ignore[index]
    text = "".join(page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(made["pdf"]))
    for told in (text, made["html"].decode()):
        assert "3.273,898" in told
        assert "ebev-2030" not in told  # the report's view has no factor of it
        assert "Auf einen Blick" in told
        assert "297,6\N{NO-BREAK SPACE}m³" in told.replace("\r\n", " ")
    with pytest.raises(LookupError, match="unknown report format 'doc'"):
        sheet.write(found, view, "doc")
