"""The formats a report can be written in, by file name extension. README.md says how to add one."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from analytics.reports.formats import csv_file, json_file
from analytics.reports.report import Report
from metering.texts import Language

Writer = Callable[[Report, Language], bytes]

FORMATS: Mapping[str, Writer] = MappingProxyType({"csv": csv_file.write, "json": json_file.write})


def write(report: Report, extension: str, language: Language = "de") -> bytes:
    """The report as a file; the same report gives the same bytes. Raises LookupError for an unknown format."""
    if extension not in FORMATS:
        raise LookupError(f"unknown report format {extension!r}; known: {', '.join(FORMATS)}")
    return FORMATS[extension](report, language)
