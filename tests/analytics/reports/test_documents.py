"""The report as a paper, a page and a workbook: what they say is what the report holds."""

import asyncio
import csv
import io
import json
import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import openpyxl
import pypdfium2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.carbon.energy import GasPeriod, GasQuality
from analytics.carbon.factors import FactorSet
from analytics.reports.collect import collect
from analytics.reports.figure import Measure
from analytics.reports.formats import write
from analytics.reports.paper import charts
from analytics.reports.paper.content import KeyFigures, Paper, Table
from analytics.reports.paper.numbers import Numbers
from analytics.reports.paper.write import paper
from analytics.reports.period import Period
from analytics.reports.report import Report
from analytics.reports.rules import Rules
from metering.estate import Building, Carrier, Device, Estate, Meter, Role, Site
from metering.localtime import LocalCalendar, quarter_hours
from metering.reading import Reading
from metering.texts import LANGUAGES
from storage.embedded.store import EmbeddedStore
from storage.settings import EmbeddedSettings

BERLIN = LocalCalendar()
GAS = GasQuality((GasPeriod(date(2020, 1, 1), None, Decimal("0.9650"), Decimal("11.400"), "Gasrechnung"),))
QUARTER = Period.parse("2025-01-01..2025-04-01")
EVIL = "=cmd|' /C calc'!A0</text><script>alert(1)</script>#panic() $jndi:x$ ../../x $\\frac x$"


def meter(name: str, building: str, carrier: Carrier, role: Role = Role.SUPPLY) -> Meter:
    return Meter(name, name, building, carrier, role, "device", "active_energy_import")


ESTATE = Estate.of(
    [Site("site", "Schulhof")],
    [Building("school", "Grundschule Süd", "site", "school", 4000.0), Building("hall", EVIL, "site", "office", 1000.0)],
    [Device("device", "Zähler", 60.0)],
    [
        meter("school-power", "school", Carrier.ELECTRICITY),
        meter("school-pv", "school", Carrier.ELECTRICITY, Role.GENERATION),
        meter("school-feed-in", "school", Carrier.ELECTRICITY, Role.FEED_IN),
        meter("school-gas", "school", Carrier.GAS),
        meter("hall-heat", "hall", Carrier.HEAT),
        meter("hall-silent", "hall", Carrier.GAS),
    ],
)
AMOUNTS = {"school-power": 3.0, "school-pv": 1.0, "school-feed-in": 0.25, "school-gas": 0.5, "hall-heat": 7.0}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return asyncio.run(collected(tmp_path_factory.mktemp("report") / "store.duckdb"))


async def collected(path: Path) -> Report:
    store = EmbeddedStore(EmbeddedSettings(path=path))
    await store.start()
    try:
        for year, share in ((2024, 1.25), (2025, 1.0)):
            starts = quarter_hours(Period.parse(f"{year}-01-01..{year}-04-01").window(BERLIN)).tolist()
            for name, amount in AMOUNTS.items():
                values = {"consumption": amount * share, "completeness": 1.0}
                await store.write([Reading(name, what, value, at) for what, value in values.items() for at in starts])
        return await collect(store, ESTATE, QUARTER, rules(), rules().view("UBA-16-2026"), compare=True)
    finally:
        await store.close()


def rules() -> Rules:
    return Rules(FactorSet.load(), BERLIN, GAS)


def tables(content: Paper) -> dict[str, Table]:
    blocks = [block for chapter in (*content.chapters, *content.annexes) for block in chapter.blocks]
    return {block.caption: block for block in blocks if isinstance(block, Table)}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_chapter_has_a_title_and_full_rows(report: Report, language: Any) -> None:
    content = paper(report, language)
    assert len(content.chapters) == 7
    assert len(content.annexes) == 4
    for table in tables(content).values():
        for row in (*table.rows, *([table.total] if table.total else [])):
            assert len(row) == len(table.columns)
    assert "{" not in str(content).replace("{'", "")


def test_the_paper_tells_the_figures_rounded_once(report: Report) -> None:
    energy = report.figure(Measure.ENERGY)
    assert energy.value is not None
    content = paper(report, "de")
    (keys,) = [block for block in content.chapters[0].blocks if isinstance(block, KeyFigures)]
    shown = {key.label: key.value for key in keys.figures}
    assert shown["Endenergie"] == Numbers("de").decimal(energy.value / 1000, 1)
    by_carrier = tables(content)["Endenergie nach Energieträger"]
    assert by_carrier.total[1].removesuffix("\N{NO-BREAK SPACE}*") == shown["Endenergie"]


def test_what_is_missing_is_marked_and_explained(report: Report) -> None:
    content = paper(report, "de")
    gaps = tables(content)["Wo Werte fehlen, ersetzt sind oder nicht bestimmbar waren"]
    assert (EVIL, "Erdgas", "0,0\N{NO-BREAK SPACE}%", "–", "keine Messwerte") in gaps.rows
    assert tables(content)["Emissionen nach Energieträger"].total[1].endswith("\N{NO-BREAK SPACE}*")
    assert any("unvollständig" in str(block) for block in content.chapters[0].blocks)


def test_causes_of_a_change_add_up(report: Report) -> None:
    table = tables(paper(report, "en"))["Change by building (t CO2e)"]
    for change in report.changes:
        assert change.activity + change.weather + change.factor + change.boundary == change.now - change.before
    assert table.rows[0][0] == "Whole city"
    assert table.rows[0][3] == "0.0"  # no weather was given


def test_the_pdf_is_tagged_and_says_what_the_paper_says(report: Report) -> None:
    made = write(report, "pdf")
    assert b"/MarkInfo" in made
    assert b"/CreationDate" not in made or made.count(b"D:1970") == made.count(b"/CreationDate")
    document = pypdfium2.PdfDocument(made)
    text = "\n".join(page.get_textpage().get_text_range() for page in document)
    for chapter in paper(report, "de").chapters:
        assert chapter.title in text
    assert "alert(1)" in text
    for page in document:
        assert np.asarray(page.render(scale=0.3).to_numpy()).std() > 0  # no page is empty


def test_the_page_escapes_names_and_loads_nothing(report: Report) -> None:
    page = write(report, "html", "en").decode()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert not re.search(r'(src|href)="?http|url\(', page)
    assert page.count("<h2>") == 11


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_workbooks_formulas_give_the_reports_totals(report: Report, language: Any) -> None:
    made = write(report, "xlsx", language)
    formulas = openpyxl.load_workbook(io.BytesIO(made)).worksheets
    results = openpyxl.load_workbook(io.BytesIO(made), data_only=True).worksheets
    overview, rows = formulas[0], formulas[1]
    for n in range(2, rows.max_row + 1):
        kwh, factor, kg = (rows.cell(n, column).value for column in (6, 7, 8))
        if kwh is None:
            assert kg is None
            continue
        assert kg == f"=F{n}*G{n}/1000"
        assert results[1].cell(n, 8).value == pytest.approx(kwh * factor / 1000)
    sums = {}
    for n in range(6, 9):
        conditions = re.fullmatch(
            r"=SUMIFS\(.*,'(\w+)'!B2:B\d+,A(\d+),.*!C2:C\d+,\"(.*)\"\)", overview.cell(n, 2).value
        )
        assert conditions is not None
        name, scope = overview.cell(int(conditions[2]), 1).value, conditions[3]
        chosen = [r for r in results[1].iter_rows(min_row=2, values_only=True) if r[1] == name and r[2] == scope]
        sums[n] = sum(row[5] or 0 for row in chosen)
        assert results[0].cell(n, 2).value == pytest.approx(sums[n])
    assert overview.cell(9, 2).value == "=SUM(B6:B8)"
    whole = report.figure(Measure.ENERGY).value
    assert whole is not None
    assert results[0].cell(9, 2).value == pytest.approx(float(whole)) == pytest.approx(sum(sums.values()))


def test_what_stands_beside_the_balance_is_told_apart_in_every_format(report: Report) -> None:
    """Whoever adds up a column must not add what is avoided, or take off what is fed in."""
    rows = json.loads(write(report, "json", "en"))["rows"]
    entries = {row["entry"] for row in rows}
    assert entries == {"Supply", "Own use", "Feed-in (not netted)", "Avoided elsewhere (not subtracted)"}
    whole = report.figure(Measure.EMISSIONS).value
    assert whole is not None
    counted = sum(row["kg"] or 0 for row in rows if row["entry"] in {"Supply", "Own use"})
    assert counted == pytest.approx(float(whole), abs=0.001 * len(rows))
    assert "Einspeisung (nicht abgezogen)" in write(report, "csv", "de").decode("utf-8-sig")
    book = openpyxl.load_workbook(io.BytesIO(write(report, "xlsx", "de")))
    beside = list(book["Neben der Bilanz"].iter_rows(min_row=2, values_only=True))
    assert {row[3] for row in beside} == {"Einspeisung (nicht abgezogen)", "Anderswo vermieden (nicht abgezogen)"}


def test_a_name_that_looks_like_a_formula_stays_a_name(report: Report) -> None:
    book = openpyxl.load_workbook(io.BytesIO(write(report, "xlsx")))
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if "calc" in str(cell.value)]
    assert cells
    assert {(cell.value, cell.data_type) for cell in cells} == {(EVIL, "s")}
    text = write(report, "csv", "de").decode("utf-8-sig")
    found = {cell for row in csv.reader(io.StringIO(text), delimiter=";") for cell in row if "calc" in cell}
    assert found == {f"'{EVIL}"}


amounts = st.decimals(min_value=0, max_value=10**9, places=3)


@given(st.lists(amounts, min_size=1, max_size=12))
def test_charts_hold_every_value(values: list[Decimal]) -> None:
    names = [f"<{n}>" for n in range(len(values))]
    drawn = charts.columns(names, {"gas": values}, {"gas": "Gas & mehr"}, "MWh", Numbers("de"))
    box = ET.fromstring(drawn)  # well-formed
    _, _, width, height = (float(part) for part in box.attrib["viewBox"].split())
    for rect in box.iter("{http://www.w3.org/2000/svg}rect"):
        x, y, wide, tall = (float(rect.attrib[key]) for key in ("x", "y", "width", "height"))
        assert 0 <= x <= x + wide <= width
        assert -0.01 <= y <= y + tall <= height


@given(st.decimals(min_value=-(10**12), max_value=10**12, places=6), st.integers(0, 3))
def test_written_numbers_read_back(value: Decimal, digits: int) -> None:
    text = Numbers("de").decimal(value, digits)
    read = Decimal(text.replace(".", "").replace(",", ".").replace("−", "-"))
    assert abs(read - value) <= Decimal(1).scaleb(-digits) / 2
