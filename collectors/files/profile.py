"""A load-profile file (Lastgang) read into readings; what cannot be read is named by its line and stops nothing."""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import pairwise
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from collectors.files.cells import Decimals, Wall, decimals, number, status, wall
from collectors.files.layout import Columns, columns, layouts
from collectors.files.moments import Moments
from metering.instant import HOUR, MINUTE, QUARTER_HOUR
from metering.quality import Quality
from metering.units import canonical_unit, conversion

_HEADER_WITHIN = 60  # lines
_DELIMITERS = (";", "\t", ",", "|")
_POWER = {"W": "Wh", "kW": "kWh", "MW": "MWh"}  # over an hour


class FileRefused(ValueError):
    """Nothing of the file can be read; the text says why, and what to do."""


class Skipped(NamedTuple):
    """A line that was left out, from 1, and why."""

    line: int
    reason: str


class Value(NamedTuple):
    """One value: begin of its interval (µs, UTC), amount in the canonical unit, trust."""

    time_us: int
    amount: Decimal
    quality: Quality
    reason: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What the caller knows better than the file; None leaves it to the file."""

    layout: str | None = None
    unit: str | None = None
    stamp: Literal["begin", "end"] | None = None
    decimal: Decimals | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """A file as understood.

    recognised  in words: layout, encoding, numbers, stamps, step and unit, and what told them
    total       the sum of the values' amounts, exact
    """

    recognised: list[str]
    unit: str
    step_us: int
    values: list[Value]
    skipped: list[Skipped]
    total: Decimal = field(default=Decimal(0))


class _Row(NamedTuple):
    line: int
    wall: Wall
    value: Decimal
    trust: tuple[Quality, str]


def read(content: bytes, zone: ZoneInfo, asked: Asked = Asked()) -> Profile:
    """Read a file; raises FileRefused if nothing can be made of it."""
    if content[:3] in (b"UNA", b"UNB"):
        raise FileRefused(
            "this is an EDIFACT message (MSCONS), which Leitwarte does not read: ask the metering operator for the "
            "load profile as CSV, or convert it with the software that receives your market messages"
        )
    text, encoding = _text(content)
    lines = text.splitlines()
    found, header, delimiter = _header(lines, asked.layout)
    skipped: list[Skipped] = []
    cells = list(_cells(lines, header, delimiter))
    try:
        how = asked.decimal or decimals((row[found.value] for _, row in cells if len(row) > found.value), delimiter)
    except ValueError as error:
        raise FileRefused(str(error)) from None
    rows = _rows(cells, found, how, skipped)
    if not rows:
        first = f"; the first: line {skipped[0].line}: {skipped[0].reason}" if skipped else ""
        raise FileRefused(f"no line below the header (line {header + 1}) can be read{first}")
    unit = asked.unit or found.unit
    if unit is None:
        raise FileRefused("the file does not say its unit; say --unit kWh, --unit kW or --unit m³")
    step_us = _step(rows)
    stamp, why = _stamp(rows, asked.stamp or found.layout.stamp, step_us)
    moments = Moments(zone, step_us)
    values: dict[int, Value] = {}
    factor, to = _factor(unit, step_us)
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        at_us = moments.of(row.wall, following.wall if following else None)
        time_us = at_us - (step_us if stamp == "end" else 0)
        value = Value(time_us, row.value * factor, *row.trust)
        if time_us % step_us:
            skipped.append(Skipped(row.line, f"not on the grid of {step_us // MINUTE} min"))
        elif time_us in values:
            same = "" if values[time_us] == value else ", with another value; the first one counts"
            skipped.append(Skipped(row.line, "the same interval a second time" + same))
        else:
            values[time_us] = value
    told = [
        f"layout: {found.layout.title} (header in line {header + 1})",
        f"text: {encoding}, columns separated by {delimiter!r}, decimal {how}",
        f"times: local, {stamp} of the interval ({why}), every {step_us // MINUTE} min",
        f"values: {unit}" + (f", times {step_us / HOUR:g} h" if unit in _POWER else ""),
    ]
    total = sum((value.amount for value in values.values()), Decimal(0))
    return Profile(told, to, step_us, list(values.values()), sorted(skipped), total)


def in_quarter_hours(profile: Profile) -> Profile:
    """The same amounts in quarter-hours; an hour is spread evenly, which makes its quarters substituted values.

    Raises FileRefused for other steps.
    """
    if profile.step_us == QUARTER_HOUR:
        return profile
    if profile.step_us != HOUR:
        raise FileRefused(f"values every {profile.step_us // MINUTE} min; only 15 and 60 min are taken")
    values = [
        Value(value.time_us + n * QUARTER_HOUR, value.amount / 4, max(value.quality, Quality.SUBSTITUTED), "spread")
        for value in profile.values
        for n in range(4)
    ]
    return replace(profile, step_us=QUARTER_HOUR, values=values)


def _text(content: bytes) -> tuple[str, str]:
    try:
        return content.decode("utf-8-sig"), "UTF-8"
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace"), "Windows-1252"


def _header(lines: Sequence[str], name: str | None) -> tuple[Columns, int, str]:
    known = layouts()
    if name is not None and name not in known:
        raise FileRefused(f"no layout {name!r}; there is {', '.join(known)}")
    for layout in [known[name]] if name else known.values():
        for at, line in enumerate(lines[:_HEADER_WITHIN]):
            for delimiter in _DELIMITERS:
                found = columns(layout, line.split(delimiter)) if delimiter in line else None
                if found:
                    return found, at, delimiter
    tried = "; ".join(f"{key} ({layout.title})" for key, layout in known.items())
    raise FileRefused(f"no header found in the first {_HEADER_WITHIN} lines; layouts tried: {tried}")


def _rows(cells: Sequence[tuple[int, list[str]]], found: Columns, how: Decimals, skipped: list[Skipped]) -> list[_Row]:
    rows = []
    for line, row in cells:
        try:
            trust = status(row[found.status]) if found.status is not None and found.status < len(row) else status("")
            rows.append(_Row(line, wall(row[at] for at in found.when), number(row[found.value], how), trust))
        except IndexError:
            skipped.append(Skipped(line, f"only {len(row)} columns"))
        except ValueError as error:
            skipped.append(Skipped(line, str(error)))
    return rows


def _cells(lines: Sequence[str], header: int, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    for at in range(header + 1, len(lines)):
        if lines[at].strip(delimiter + " \t"):
            yield at + 1, next(csv.reader(io.StringIO(lines[at]), delimiter=delimiter))


def _step(rows: Sequence[_Row]) -> int:
    """The commonest distance between rows, in µs; a quarter-hour if there is one row."""
    gaps = Counter(
        int((after.wall.at.replace(tzinfo=None) - before.wall.at.replace(tzinfo=None)).total_seconds())
        for before, after in pairwise(rows)
    )
    usual = [gap for gap, _ in gaps.most_common() if gap > 0]
    return usual[0] * 1_000_000 if usual else QUARTER_HOUR


def _stamp(rows: Sequence[_Row], wanted: str, step_us: int) -> tuple[str, str]:
    if wanted != "detect":
        return wanted, "as the layout or the caller says"
    first, last = rows[0].wall.at, rows[-1].wall.at
    begun, ended = (moment.hour * 3600 + moment.minute * 60 for moment in (first, last))
    step_s, day_s = step_us // 1_000_000, 86_400
    if begun == step_s % day_s and ended == 0:
        return "end", f"from {first:%H:%M} to {last:%H:%M}"
    if begun == 0 and ended == day_s - step_s:
        return "begin", f"from {first:%H:%M} to {last:%H:%M}"
    raise FileRefused(
        f"the rows go from {first:%d.%m.%Y %H:%M} to {last:%d.%m.%Y %H:%M}, so they do not tell whether a time is the "
        "begin or the end of its interval; say --stamp begin or --stamp end"
    )


def _factor(unit: str, step_us: int) -> tuple[Decimal, str]:
    """From the file's unit to the canonical one."""
    amount = _POWER.get(unit, unit)
    try:
        to = canonical_unit(amount)
        factor, _ = conversion(amount, to)
    except (LookupError, ValueError) as error:
        raise FileRefused(str(error)) from None
    share = Decimal(step_us) / Decimal(HOUR) if unit in _POWER else Decimal(1)
    return Decimal(repr(factor)) * share, to
