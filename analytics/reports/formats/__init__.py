"""The formats a report can be written in, by file name extension. README.md says how to add one."""

from importlib import import_module

from analytics.reports.report import Report
from metering.texts import Language

FORMATS = ("pdf", "xlsx", "html", "csv", "json")
"""Each is a module ``<format>_file``, imported when it is asked for."""


def write(report: Report, extension: str, language: Language = "de") -> bytes:
    """The report as a file; the same report gives the same bytes. Raises LookupError for an unknown format."""
    if extension not in FORMATS:
        raise LookupError(f"unknown report format {extension!r}; known: {', '.join(FORMATS)}")
    made: bytes = import_module(f"analytics.reports.formats.{extension}_file").write(report, language)
    return made
