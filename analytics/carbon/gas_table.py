"""The gas of a supply area month by month, as a table: what its network operator publishes."""

import csv
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal, InvalidOperation

from analytics.carbon.energy import GasPeriod

COLUMNS = ("month", "state_number", "calorific_value", "source")
_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


def read_gas_table(text: str, area: str) -> tuple[GasPeriod, ...]:
    """One period for each row ``month;state_number;calorific_value;source`` under a header that says so.

    Months are written 2026-01, Zustandszahl without unit, Brennwert in kWh(Hs) per standard m³; decimals with comma or
    point. Raises ValueError, naming the line (from 1) and what to do, for anything else.
    """
    lines = text.splitlines()
    if not lines or tuple(lines[0].strip().split(";")) != COLUMNS:
        raise ValueError(f"gas table of {area!r}, line 1: the header must be {';'.join(COLUMNS)}")
    return tuple(_rows(lines[1:], area))


def _rows(lines: list[str], area: str) -> Iterator[GasPeriod]:
    for number, row in enumerate(csv.reader(lines, delimiter=";"), start=2):
        if not any(cell.strip() for cell in row):
            continue
        try:
            yield _period([cell.strip() for cell in row], area)
        except ValueError as error:
            raise ValueError(f"gas table of {area!r}, line {number}: {error}") from None


def _period(row: list[str], area: str) -> GasPeriod:
    if len(row) != len(COLUMNS):
        raise ValueError(f"{len(row)} cells instead of {len(COLUMNS)} ({';'.join(COLUMNS)})")
    month, state_number, calorific_value, source = row
    found = _MONTH.fullmatch(month)
    if found is None:
        raise ValueError(f"{month!r} is no month such as 2026-01")
    year, number = int(found[1]), int(found[2])
    following = date(year + number // 12, number % 12 + 1, 1)
    return GasPeriod(date(year, number, 1), following, _decimal(state_number), _decimal(calorific_value), source, area)


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text.replace(",", "."))
    except InvalidOperation:
        raise ValueError(f"{text!r} is no number") from None
