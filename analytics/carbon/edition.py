"""Reads an edition: one CSV file of published factors, refused as a whole if anything in it is doubtful."""

import csv
import hashlib
import io
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import yaml

from analytics.carbon.factor import Boundary, Evidence, Factor, Gases, HeatBasis, Status

FOLDER = Path(__file__).parent / "editions"

_COLUMNS = ["carrier", "region", "valid", "g_per_kwh", "gases", "boundary", "heat_basis", "hi_per_hs", "status"]
_COLUMNS += ["evidence", "afterwards", "publisher", "document", "page", "url"]
_SOURCE = ("publisher", "document", "page", "url")
_AFTERWARDS = {"latest": True, "none": False}

_Key = TypeVar("_Key", bound=StrEnum)


class EditionError(ValueError):
    """An edition that cannot be calculated with; the message names file and line."""


@dataclass(frozen=True)
class Shelf:
    """The editions at hand: those of the project, and a utility's own files.

    files       further editions, named as their files; each name once
    unverified  whether values of `Evidence.UNVERIFIED` may be used
    """

    files: tuple[Path, ...] = ()
    unverified: bool = False

    @property
    def paths(self) -> Mapping[str, Path]:
        """Every edition's file by the edition's name, sorted. Raises EditionError for a name used twice."""
        found = {path.stem: path for path in FOLDER.glob("*.csv")}
        for path in self.files:
            if path.stem in found:
                raise EditionError(f"{path}: the edition {path.stem} exists; editions never change: rename the file")
            found[path.stem] = path
        return dict(sorted(found.items()))

    def edition(self, name: str) -> tuple[Factor, ...]:
        """The usable factors of an edition. Raises LookupError if there is none of that name or none usable."""
        paths = self.paths
        if name not in paths:
            raise LookupError(f"unknown edition {name!r}; known: {', '.join(paths)}")
        factors = _cached(paths[name])
        usable = tuple(f for f in factors if self.unverified or f.evidence is not Evidence.UNVERIFIED)
        if not usable:
            raise LookupError(f"no value of {name} is verified; set carbon.unverified: true to calculate with it")
        return usable

    def digest(self, name: str) -> str:
        """SHA-256 of an edition's file."""
        return hashlib.sha256(self.paths[name].read_bytes()).hexdigest()


@cache
def _cached(path: Path) -> tuple[Factor, ...]:
    return read(path)


def read(path: Path) -> tuple[Factor, ...]:
    """The factors of the file, in its order.

    Raises EditionError, naming the line, for an unknown column, carrier or keyword, a value that is no number, a
    missing source, a fuel without heat basis (or a basis without fuel), and for gaps, overlaps or a change of heat
    basis within one series (same carrier, region, gases and boundary).
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise EditionError(f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}") from None
    with io.StringIO(text, newline="") as file:
        rows = csv.DictReader(file)
        if rows.fieldnames != _COLUMNS:
            raise EditionError(f"{path.name}, line 1: the columns must be {','.join(_COLUMNS)}")
        located: list[tuple[int, Factor]] = []
        for row in rows:
            try:
                located.append((rows.line_num, _factor(path.stem, row)))
            except ValueError as error:
                raise EditionError(f"{path.name}, line {rows.line_num}: {error}") from None
    if not located:
        raise EditionError(f"{path.name} has no factors")
    _check_series(path.name, located)
    return tuple(factor for _, factor in located)


def _factor(edition: str, row: Mapping[str, str]) -> Factor:
    if None in row or None in row.values():
        raise ValueError(f"{len(_COLUMNS)} fields expected; put quotes around a field that has a comma in it")
    for column in _SOURCE:
        if not row[column].strip():
            raise ValueError(f"no {column}: a factor without its source cannot be used")
    start, end = _validity(row["valid"])
    basis = _keyword(HeatBasis, row, "heat_basis")
    check_basis(row["carrier"], basis)
    hi_per_hs = _number(row, "hi_per_hs") if row["hi_per_hs"] else None
    if hi_per_hs is not None and (basis is HeatBasis.NONE or not Decimal("0.8") < hi_per_hs < 1):
        raise ValueError(f"hi_per_hs {hi_per_hs} is no ratio of a fuel's net to gross calorific value (0.8 to 1)")
    if row["afterwards"] not in _AFTERWARDS:
        raise ValueError(f"afterwards is {row['afterwards']!r}, not one of {', '.join(_AFTERWARDS)}")
    return Factor(
        edition=edition,
        carrier=row["carrier"],
        region=row["region"],
        start=start,
        end=end,
        g_per_kwh=_number(row, "g_per_kwh"),
        gases=_keyword(Gases, row, "gases"),
        boundary=_keyword(Boundary, row, "boundary"),
        heat_basis=basis,
        hi_per_hs=hi_per_hs,
        status=_keyword(Status, row, "status"),
        evidence=_keyword(Evidence, row, "evidence"),
        lasts=_AFTERWARDS[row["afterwards"]],
        publisher=row["publisher"],
        document=row["document"],
        page=row["page"],
        url=row["url"],
    )


def _validity(text: str) -> tuple[date, date]:
    """``2024`` a year, ``2021..2023`` years, ``2026-07-01..2027-01-01`` from a day to before a day."""
    first, _, last = text.partition("..")
    try:
        if "-" in text:
            start, end = date.fromisoformat(first), date.fromisoformat(last)
        else:
            start, end = date(int(first), 1, 1), date(int(last or first) + 1, 1, 1)
    except ValueError:
        raise ValueError(f"valid is {text!r}; write 2024, 2021..2023 or 2026-07-01..2027-01-01") from None
    if end <= start:
        raise ValueError(f"valid is {text!r}, which ends before it begins")
    return start, end


def _number(row: Mapping[str, str], column: str) -> Decimal:
    try:
        value = Decimal(row[column])
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        raise ValueError(f"{column} is {row[column]!r}, which is no number such as 414 or 121.1")
    return value


def _keyword(kind: type[_Key], row: Mapping[str, str], column: str) -> _Key:
    try:
        return kind(row[column])
    except ValueError:
        raise ValueError(f"{column} is {row[column]!r}, not one of {', '.join(kind)}") from None


def check_basis(carrier: str, basis: HeatBasis) -> None:
    """Raises ValueError for an unknown carrier, a fuel without heat basis, or anything else with one."""
    fuels, others = _carriers()
    if carrier not in fuels | others:
        raise ValueError(f"unknown carrier {carrier!r}; known (carriers.yaml): {', '.join(sorted(fuels | others))}")
    if (carrier in fuels) == (basis is HeatBasis.NONE):
        wanted = "Hs or Hi" if carrier in fuels else "none"
        raise ValueError(f"the heat basis of {carrier} must be {wanted}, not {basis}")


@cache
def _carriers() -> tuple[frozenset[str], frozenset[str]]:
    known = yaml.safe_load((Path(__file__).parent / "carriers.yaml").read_text("utf-8"))
    return frozenset(known["fuels"]), frozenset(known["others"])


def _check_series(file: str, located: list[tuple[int, Factor]]) -> None:
    series: defaultdict[tuple[str, ...], list[tuple[int, Factor]]] = defaultdict(list)
    for line, factor in located:
        series[factor.carrier, *factor.key].append((line, factor))
    for entries in series.values():
        entries.sort(key=lambda entry: entry[1].start)
        for (_, before), (line, after) in pairwise(entries):
            where = f"{file}, line {line}: {after.carrier} {'/'.join(after.key)}"
            if after.start < before.end:
                raise EditionError(f"{where} from {after.start} overlaps the one from {before.start}")
            if after.start > before.end:
                raise EditionError(f"{where} leaves a gap from {before.end} to {after.start}")
            if after.heat_basis is not before.heat_basis:
                raise EditionError(f"{where} mixes heat bases: {after.heat_basis} after {before.heat_basis}")
