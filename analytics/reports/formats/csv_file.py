"""CSV that spreadsheets open without questions: German with semicolons and decimal commas, English with points."""

import csv
import io
from dataclasses import fields
from decimal import Decimal

from analytics.reports.formats.lines import Line, lines
from analytics.reports.report import Report
from metering.texts import Language, Texts


def write(report: Report, language: Language) -> bytes:
    """UTF-8 with byte order mark (else Excel takes it for Windows-1252), CRLF (RFC 4180), one header line."""
    texts = Texts("analytics.reports", language)
    columns = [field.name for field in fields(Line)]
    text = io.StringIO()
    table = csv.writer(text, delimiter=";" if language == "de" else ",", lineterminator="\r\n")
    table.writerow([texts(column) for column in columns])
    for line in lines(report, language):
        table.writerow([cell(getattr(line, column), language) for column in columns])
    return text.getvalue().encode("utf-8-sig")


def cell(value: Decimal | str | None, language: Language) -> str:
    """A value as a spreadsheet of that language reads it; text that it would run as a formula stays text."""
    match value:
        case None:
            return ""
        case Decimal():
            return str(value).replace(".", ",") if language == "de" else str(value)
        case str() if value.startswith(("=", "+", "-", "@", "\t", "\r")):
            return f"'{value}"
        case str():
            return value
