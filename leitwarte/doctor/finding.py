"""What one look finds."""

from enum import StrEnum
from typing import NamedTuple


class Verdict(StrEnum):
    """How it is: well; worth a look, works still; broken."""

    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"


class Finding(NamedTuple):
    """``what`` was looked at, what was found, and what to do about it."""

    what: str
    verdict: Verdict
    found: str
    remedy: str = ""


def ok(what: str, found: str) -> Finding:
    return Finding(what, Verdict.OK, found)


def warn(what: str, found: str, remedy: str) -> Finding:
    return Finding(what, Verdict.WARN, found, remedy)


def fail(what: str, found: str, remedy: str) -> Finding:
    return Finding(what, Verdict.FAIL, found, remedy)
