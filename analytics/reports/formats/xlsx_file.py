"""A workbook in which an office can check the sums: values unrounded, sums and emissions as live formulas."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import xlsxwriter
from xlsxwriter.utility import xl_rowcol_to_cell

from analytics.reports.paper.told import Told
from analytics.reports.report import COUNTED, Report, Row
from metering.estate import Carrier
from metering.texts import Language, Texts

_NEVER = datetime(2000, 1, 1, tzinfo=UTC)  # a date would make equal reports differ
_GRAMS = 1000  # per kg

Sheet = Any  # xlsxwriter has no types
Book = Any


def write(report: Report, language: Language) -> bytes:
    """Sheets: overview, rows, what stands beside the balance, factors, figures. The same report gives the same bytes.

    Numbers are shown rounded and kept unrounded (as double, about 15 digits). A formula carries its result, so that
    programs that do not calculate show it too.
    """
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    say = Texts("analytics.reports.formats", language)
    told = Told.of(report, language)
    book.set_properties({"title": f"{told.say('title')}: {told.period(report.period)}", "created": _NEVER})
    paper = _Paper(book, say, told)
    counted = [row for row in report.rows if row.entry in COUNTED and row.carrier is not Carrier.WATER]
    beside = [row for row in report.rows if row.entry not in COUNTED]
    _overview(paper, counted)
    _rows(paper, "sheet_rows", counted)
    if beside:
        _rows(paper, "sheet_beside", beside)
    if report.hourly:
        _hourly(paper)
    if report.matching:
        _matching(paper)
    _factors(paper)
    _figures(paper)
    book.close()
    return file.getvalue()


@dataclass
class _Paper:
    """The book with its words and cell formats."""

    book: Book
    say: Texts
    told: Told

    def __post_init__(self) -> None:
        self.head = self.book.add_format({"bold": True, "bottom": 2, "text_wrap": True, "valign": "top"})
        self.bold = self.book.add_format({"bold": True, "top": 1})
        self.sum = self.book.add_format({"bold": True, "top": 1, "num_format": "#,##0.000"})
        self.number = self.book.add_format({"num_format": "#,##0.000"})
        self.percent = self.book.add_format({"num_format": "0.0%"})
        self.title = self.book.add_format({"bold": True, "font_size": 14})

    def sheet(self, key: str, columns: Sequence[tuple[str, int]], first_row: int = 0) -> Sheet:
        """A sheet with a header in ``first_row``; columns are text keys and widths in characters."""
        sheet = self.book.add_worksheet(self.say(key))
        for n, (name, width) in enumerate(columns):
            sheet.set_column(n, n, width)
            sheet.write_string(first_row, n, self.say(name), self.head)
        sheet.freeze_panes(first_row + 1, 0)
        return sheet


_ROW_COLUMNS = (
    ("building", 28),
    ("carrier", 14),
    ("scope", 9),
    ("entry", 16),
    ("month", 10),
    ("kwh", 16),
    ("effective_factor", 16),
    ("kg", 16),
    ("kg_substituted", 16),
    ("completeness", 14),
    ("factor_ids", 48),
    ("meters", 40),
)
_KWH, _FACTOR, _KG = 5, 6, 7
_OVERVIEW_TOP = 4


def _overview(paper: _Paper, rows: Sequence[Row]) -> None:
    """Energy and emissions by carrier, added up from the sheet of rows by formulas."""
    report, say = paper.told.report, paper.say
    columns = (("carrier", 30), ("kwh", 18), ("kg", 18), ("share", 12))
    sheet = paper.sheet("sheet_overview", columns, _OVERVIEW_TOP)
    sheet.write_string(0, 0, paper.told.say("title"), paper.title)
    sheet.write_string(1, 0, f"{paper.told.place(report.place)}, {paper.told.period(report.period)}")
    sheet.write_string(2, 0, report.view.title[paper.told.numbers.language])
    carriers = paper.told.carriers
    last = _OVERVIEW_TOP + len(carriers)
    data = f"'{say('sheet_rows')}'!"
    end = len(rows) + 1
    first_scope = {carrier: _energy_scope(rows, carrier) for carrier in carriers}
    for n, carrier in enumerate(carriers, _OVERVIEW_TOP + 1):
        name = paper.told.carrier(carrier)
        kwh, kg = (_total(rows, carrier, scope, take) for scope, take in ((first_scope[carrier], _kwh), (None, _kg)))
        sheet.write_string(n, 0, name)
        scope_name = say(f"scope_{first_scope[carrier]}")
        energy = f'SUMIFS({data}F2:F{end},{data}B2:B{end},A{n + 1},{data}C2:C{end},"{scope_name}")'
        sheet.write_formula(n, 1, f"={energy}", paper.number, float(kwh))
        sheet.write_formula(n, 2, f"=SUMIFS({data}H2:H{end},{data}B2:B{end},A{n + 1})", paper.number, float(kg))
        whole = _total(rows, None, None, _kg)
        sheet.write_formula(n, 3, f"=C{n + 1}/C{last + 2}", paper.percent, float(kg / whole) if whole else 0.0)
    total = last + 1
    sheet.write_string(total, 0, say("total"), paper.bold)
    for column, value in (
        (1, sum((_total(rows, c, first_scope[c], _kwh) for c in carriers), Decimal(0))),
        (2, _total(rows, None, None, _kg)),
    ):
        cells = f"{xl_rowcol_to_cell(_OVERVIEW_TOP + 1, column)}:{xl_rowcol_to_cell(last, column)}"
        sheet.write_formula(total, column, f"=SUM({cells})", paper.sum, float(value))
    sheet.write_string(total + 2, 0, say("unrounded"))


def _rows(paper: _Paper, key: str, rows: Sequence[Row]) -> None:
    """One row a building, carrier, scope, entry and month; emissions are energy times the effective factor."""
    sheet = paper.sheet(key, _ROW_COLUMNS)
    for n, row in enumerate(rows, 1):
        texts = (
            row.building.name,
            paper.told.carrier(row.carrier),
            paper.say(f"scope_{row.scope}"),
            paper.say(f"entry_{row.entry}"),
            f"{row.month:%Y-%m}",
        )
        for column, text in enumerate(texts):
            sheet.write_string(n, column, text)
        kwh, kg = row.sum.kwh, row.sum.kg
        if kwh is not None:
            sheet.write_number(n, _KWH, float(kwh.total), paper.number)
        if kwh is not None and kg is not None:
            effective = kg.total / kwh.total * _GRAMS if kwh.total else Decimal(0)
            sheet.write_number(n, _FACTOR, float(effective), paper.number)
            sheet.write_formula(n, _KG, f"=F{n + 1}*G{n + 1}/{_GRAMS}", paper.number, float(kg.total))
            sheet.write_number(n, 8, float(kg.substituted), paper.number)
        sheet.write_number(n, 9, float(row.sum.coverage.completeness), paper.percent)
        sheet.write_string(n, 10, " ".join(factor.id for factor in row.sum.factors))
        sheet.write_string(n, 11, " ".join(row.meters))
    sheet.autofilter(0, 0, max(1, len(rows)), len(_ROW_COLUMNS) - 1)


def _hourly(paper: _Paper) -> None:
    """Purchased electricity by the intensity of each hour, year by year."""
    columns = (
        ("year", 8),
        ("kwh", 18),
        ("annual_kg", 18),
        ("anchored_kg", 18),
        ("computed_kg", 18),
        ("anchored_g_per_kwh", 18),
        ("computed_g_per_kwh", 18),
        ("share_known", 14),
        ("source", 60),
    )
    sheet = paper.sheet("sheet_hourly", columns)
    for n, one in enumerate(paper.told.report.hourly, 1):
        of = one.matched
        sheet.write_number(n, 0, one.year)
        values = (of.kwh, of.annual_kg, of.anchored_kg, of.computed_kg, of.anchored_g_per_kwh, of.computed_g_per_kwh)
        for column, value in enumerate(values, 1):
            if value is not None:
                sheet.write_number(n, column, value, paper.number)
        sheet.write_number(n, 7, of.share, paper.percent)
        sheet.write_string(n, 8, f"{one.source}, {one.attribution}, {one.licence}")


def _matching(paper: _Paper) -> None:
    """What photovoltaics covered at the time; the shares are formulas."""
    columns = (
        ("building", 28),
        ("load_kwh", 18),
        ("generated_kwh", 18),
        ("covered_kwh", 22),
        ("matching_score", 18),
        ("hours_known", 18),
    )
    sheet = paper.sheet("sheet_matching", columns)
    for n, one in enumerate(paper.told.report.matching, 1):
        of = one.match
        sheet.write_string(n, 0, one.building.name)
        for column, value in enumerate((of.load, of.generated, of.covered), 1):
            sheet.write_number(n, column, value, paper.number)
        if of.score is not None:
            sheet.write_formula(n, 4, f"=D{n + 1}/B{n + 1}", paper.percent, of.score)
        sheet.write_number(n, 5, of.known)


def _factors(paper: _Paper) -> None:
    columns = (
        ("factor_ids", 48),
        ("g_per_kwh", 12),
        ("heat_basis", 12),
        ("gases", 10),
        ("boundary", 14),
        ("valid_from", 12),
        ("valid_until", 12),
        ("status", 14),
        ("publisher", 30),
        ("document", 50),
        ("page", 16),
        ("url", 50),
    )
    sheet = paper.sheet("sheet_factors", columns)
    say = paper.told.say
    for n, factor in enumerate(paper.told.report.factors, 1):
        sheet.write_string(n, 0, factor.id)
        sheet.write_number(n, 1, float(factor.g_per_kwh))
        texts = (
            "" if factor.heat_basis == "none" else factor.heat_basis.value,
            factor.gases.value,
            say(f"boundary_{factor.boundary}"),
            factor.start.isoformat(),
            factor.end.isoformat(),
            say(f"status_{factor.status}"),
            factor.publisher,
            factor.document,
            factor.page,
            factor.url,
        )
        for column, text in enumerate(texts, 2):
            sheet.write_string(n, column, text)


def _figures(paper: _Paper) -> None:
    """Every figure with its id, to trace it by."""
    columns = (
        ("figure_id", 60),
        ("value", 18),
        ("unit", 12),
        ("low", 18),
        ("high", 18),
        ("completeness", 14),
        ("remark", 40),
    )
    sheet = paper.sheet("sheet_figures", columns)
    for n, figure in enumerate(paper.told.report.figures, 1):
        sheet.write_string(n, 0, str(figure.id))
        for column, value in ((1, figure.value), (3, figure.low), (4, figure.high)):
            if value is not None:
                sheet.write_number(n, column, float(value), paper.number)
        sheet.write_string(n, 2, figure.unit)
        if figure.completeness is not None:
            sheet.write_number(n, 5, float(figure.completeness), paper.percent)
        sheet.write_string(n, 6, paper.told.problems(figure))


def _kwh(row: Row) -> Decimal:
    return row.sum.kwh.total if row.sum.kwh is not None else Decimal(0)


def _kg(row: Row) -> Decimal:
    return row.sum.kg.total if row.sum.kg is not None else Decimal(0)


def _energy_scope(rows: Sequence[Row], carrier: Carrier) -> str:
    """The same energy stands in every scope of its carrier, and counts in the first."""
    return min(row.scope.value for row in rows if row.carrier is carrier)


def _total(rows: Sequence[Row], carrier: Carrier | None, scope: str | None, take: Callable[[Row], Decimal]) -> Decimal:
    chosen = (row for row in rows if carrier in (None, row.carrier) and scope in (None, row.scope.value))
    return sum((take(row) for row in chosen), Decimal(0))
