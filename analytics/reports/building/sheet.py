"""A building's energy report as a file, in the same formats as the CO2 report; numbers are rounded here, once."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import xlsxwriter

from analytics.carbon.view import View
from analytics.reports.building.paper import Cell, Lines, paper, printed
from analytics.reports.building.rows import EnergyRow
from analytics.reports.figure import Figure
from analytics.reports.formats.csv_file import cell
from analytics.reports.formats.html_file import page
from analytics.reports.formats.pdf_file import typeset
from analytics.reports.paper.numbers import Numbers, percent, rounded
from metering.texts import Language, Texts

_THOUSANDTH, _CENT = 3, 2  # digits


def write(rows: Sequence[EnergyRow], view: View, extension: str, language: Language = "de") -> bytes:
    """The rows as a file; the same rows give the same bytes. Raises LookupError for an unknown format."""
    if extension not in _WRITERS:
        raise LookupError(f"unknown report format {extension!r}; known: {', '.join(_WRITERS)}")
    lines = [cells(row, language) for row in rows]
    return _WRITERS[extension](lines, rows, view, language)


def cells(row: EnergyRow, language: Language) -> dict[str, Cell]:
    """By the keys of texts.yaml, in the order of the report; None where nothing can be told."""
    say = Texts("analytics.reports.paper", language)
    change = row.change
    causes = ("activity", "weather", "factor", "boundary")
    return {
        "building": row.building.name,
        "carrier": say(f"carrier_{row.carrier}"),
        "period": str(row.period),
        "meters": ", ".join(row.meters),
        "amount": _rounded(row.amount, _THOUSANDTH),
        "unit": row.unit,
        "state_number": _between((period.state_number for period in row.gas), language),
        "calorific_value": _between((period.calorific_value for period in row.gas), language),
        "gas_source": ", ".join(dict.fromkeys(period.source for period in row.gas)) or None,
        "kwh": _rounded(row.kwh, _THOUSANDTH),
        "kwh_hi": _rounded(row.kwh_hi, _THOUSANDTH),
        "completeness": _percent(row.completeness),
        "estimated": _percent(row.estimated),
        "weather_factor": _rounded(row.weather_factor, _THOUSANDTH),
        "weather_method": row.weather_method or None,
        "corrected_kwh": _rounded(row.corrected_kwh, _THOUSANDTH),
        "area": Decimal(str(row.building.floor_area_m2)) if row.building.floor_area_m2 else None,
        "per_area": _rounded(row.per_area, _CENT),
        "cost": _rounded(row.cost, _CENT),
        "direct": _value(row.direct),
        "upstream": _value(row.upstream),
        "factors": ", ".join(factor.id for factor in row.factors) or None,
        "status": ", ".join(dict.fromkeys(say(f"status_{factor.status}") for factor in row.factors)) or None,
        "grades": ", ".join(row.grades) or None,
        **{cause: _rounded(getattr(change, cause), _THOUSANDTH) if change else None for cause in causes},
        "comment": ", ".join(say(f"problem_{problem}") for problem in row.problems) or None,
    }


def _pdf(lines: Lines, rows: Sequence[EnergyRow], view: View, language: Language) -> bytes:
    return typeset(paper(lines, rows, view, language))


def _html(lines: Lines, rows: Sequence[EnergyRow], view: View, language: Language) -> bytes:
    return page(paper(lines, rows, view, language)).encode()


def _csv(lines: Lines, rows: Sequence[EnergyRow], view: View, language: Language) -> bytes:
    del rows, view
    say = Texts("analytics.reports.building", language)
    text = io.StringIO()
    table = csv.writer(text, delimiter=";" if language == "de" else ",", lineterminator="\r\n")
    for n, line in enumerate(lines):
        if n == 0:
            table.writerow([say(key) for key in line])
        table.writerow([cell(value, language) for value in line.values()])
    return text.getvalue().encode("utf-8-sig")


def _json(lines: Lines, rows: Sequence[EnergyRow], view: View, language: Language) -> bytes:
    del language
    figures = [{what: str(f.id) for what in ("direct", "upstream") if (f := getattr(row, what))} for row in rows]
    content = {
        "view": view.name,
        "rows": [dict(line) | {"figures": ids} for line, ids in zip(lines, figures, strict=True)],
    }
    return msgspec.json.format(msgspec.json.Encoder(decimal_format="number").encode(content), indent=2) + b"\n"


def _xlsx(lines: Lines, rows: Sequence[EnergyRow], view: View, language: Language) -> bytes:
    del rows
    say = Texts("analytics.reports.building", language)
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True, "strings_to_formulas": False})
    book.set_properties({"created": datetime(2000, 1, 1, tzinfo=UTC), "title": view.title[language]})
    sheet, bold = book.add_worksheet(say("title")), book.add_format({"bold": True})
    sheet.set_column(0, 0, 44)
    sheet.set_column(1, max(1, len(lines)), 30)
    for row, key in enumerate(lines[0] if lines else {}):
        sheet.write_string(row, 0, say(key), bold)
        for column, line in enumerate(lines, 1):
            value = line[key]
            if isinstance(value, Decimal):
                sheet.write_number(row, column, float(value))
            elif value is not None:
                sheet.write_string(row, column, value)
    book.close()
    return file.getvalue()


_WRITERS: Mapping[str, Callable[[Lines, Sequence[EnergyRow], View, Language], bytes]] = {
    "pdf": _pdf,
    "xlsx": _xlsx,
    "html": _html,
    "csv": _csv,
    "json": _json,
}
FORMATS = tuple(_WRITERS)


def _between(values: Iterable[Decimal], language: Language) -> Cell:
    """The value, or from the least to the most if it changed in the period."""
    found = sorted(set(values))
    if len(found) < 2:
        return found[0] if found else None
    return " – ".join(printed(value, Numbers(language)) for value in (found[0], found[-1]))


def _value(figure: Figure | None) -> Decimal | None:
    return _rounded(figure.value, _THOUSANDTH) if figure is not None else None


def _rounded(value: Decimal | None, digits: int) -> Decimal | None:
    return None if value is None else rounded(value, digits)


def _percent(share: Decimal | None) -> Decimal | None:
    return None if share is None else percent(share)
