"""Load profiles in CSV files, read row by row; what is wrong is said with its line and stops nothing else."""

import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TextIO

from metering.instant import parse

_LOST = {"", "nan", "null", "none"}
_TOLD = 20  # problems told one by one


class ProfileError(ValueError):
    """A series that cannot be used; ``line`` is where it begins in its file."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


class Problems:
    """What is wrong with a file, in lines for people."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: list[tuple[int, str]] = []

    def add(self, line: int, message: str) -> None:
        self._found.append((line, message))

    def lines(self) -> list[str]:
        """The first ones, in the order of the file, and how many more there are."""
        told = [f"{self._path}:{line}: {message}" for line, message in sorted(self._found)[:_TOLD]]
        more = len(self._found) - len(told)
        return [*told, f"{self._path}: and {more} more"] if more else told


@dataclass
class Profile:
    """Consumption per interval, as the file has it: ascending times (µs since the Unix epoch, UTC), None where lost."""

    id: str
    line: int
    times_us: list[int] = field(default_factory=list)
    values: list[Decimal | None] = field(default_factory=list)

    @property
    def step_us(self) -> int:
        """The shortest distance of two readings. Raises ProfileError if there is only one."""
        if len(self.times_us) < 2:
            raise ProfileError(self.line, "one reading alone fixes no interval")
        return min(later - earlier for earlier, later in zip(self.times_us, self.times_us[1:], strict=False))

    @property
    def decimals(self) -> int:
        """Most decimals of any value."""
        return max((-int(value.as_tuple().exponent) for value in self.values if value is not None), default=0)


def read_profiles(path: Path, problems: Problems) -> list[Profile]:
    """All series of the file, in the order of their first rows. Raises ValueError if columns are missing, OSError."""
    with _open(path) as file:
        return list(_profiles(file, path, problems))


def _open(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _profiles(file: TextIO, path: Path, problems: Problems) -> Iterator[Profile]:
    header = file.readline().strip()
    separator = ";" if ";" in header else ","
    columns = [column.strip().strip('"') for column in header.split(separator)]
    missing = [name for name in ("timestamp", "value") if name not in columns]
    if missing:
        raise ValueError(f"{path}:1: no column {' and '.join(missing)}; the first line has {header[:80]!r}")
    time_column, value_column = columns.index("timestamp"), columns.index("value")
    id_column = columns.index("series_id") if "series_id" in columns else None
    found: dict[str, Profile] = {}
    rows = csv.reader(file, delimiter=separator)
    for row in rows:
        if not row:
            continue
        line = rows.line_num + 1
        if len(row) <= max(time_column, value_column, id_column or 0):
            problems.add(line, f"{len(row)} columns instead of {len(columns)}; the row is left out")
            continue
        id_ = row[id_column].strip() if id_column is not None else path.name.removesuffix(".gz").removesuffix(".csv")
        profile = found.setdefault(id_, Profile(id_, line))
        _add(profile, line, row[time_column], _decimal_point(row[value_column], separator), problems)
    yield from found.values()


def _decimal_point(text: str, separator: str) -> str:
    return text.replace(",", ".") if separator == ";" else text


def _add(profile: Profile, line: int, time: str, value: str, problems: Problems) -> None:
    try:
        time_us = parse(time.strip())
    except ValueError:
        problems.add(line, f"{time!r} is no ISO 8601 time with an offset; the row is left out")
        return
    if profile.times_us and time_us <= profile.times_us[-1]:
        problems.add(line, f"{time} is not later than the row before of {profile.id!r}; the row is left out")
        return
    profile.times_us.append(time_us)
    profile.values.append(_value(line, value.strip(), problems))


def _value(line: int, text: str, problems: Problems) -> Decimal | None:
    if text.lower() in _LOST:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite():
        problems.add(line, f"{text!r} is no number; it counts as lost")
        return None
    return number
