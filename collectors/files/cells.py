"""What stands in the cells of German files: decimal commas, dates, hours that come twice, status letters."""

import re
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Literal, NamedTuple

from metering.quality import Quality

Decimals = Literal["comma", "point"]

_DATE = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4}|\d{2})|(\d{4})-(\d{2})-(\d{2})")
_TIME = re.compile(r"(\d{1,2})\s*([ABab]?)\s*[:.]\s*(\d{2})(?:[:.](\d{2}))?(?:[.,]\d+)?\s*([ABab]?)")
_OFFSET = re.compile(r"\s*(Z|[+-]\d{2}(?::?\d{2})?)$")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(\.\d{3})+")

_STATUS: dict[str, tuple[Quality, str]] = {
    "": (Quality.MEASURED, ""),
    "W": (Quality.MEASURED, ""),  # wahrer Wert
    "E": (Quality.SUBSTITUTED, "ersatzwert"),
    "G": (Quality.SUBSTITUTED, "ersatzwert"),  # Energiemenge in Summe gemessen, Verlauf ersetzt
    "V": (Quality.ESTIMATED, "vorlaeufig"),
}


class Wall(NamedTuple):
    """What a clock on the wall showed; ``twin`` is A or B where the file marks the hour that comes twice.

    ``offset`` says that ``at`` is aware, so that nothing is left to guess.
    """

    at: datetime
    twin: str = ""

    @property
    def offset(self) -> bool:
        return self.at.tzinfo is not None


def wall(cells: Iterable[str]) -> Wall:
    """The time in one or two cells. Raises ValueError for what is none; 24:00 is midnight of the next day.

    A UTC offset is seen behind a date as in ISO 8601 only.
    """
    text = " ".join(cell.strip() for cell in cells)
    found = _DATE.search(text)
    if found is None:
        raise ValueError(f"no date in {text!r}")
    day, month, year, iso_year, iso_month, iso_day = found.groups()
    when = date(int(iso_year), int(iso_month), int(iso_day)) if iso_year else date(_year(year), int(month), int(day))
    clock = _TIME.search(text, found.end()) or _TIME.search(text[: found.start()])
    if clock is None:
        raise ValueError(f"no time of day in {text!r}")
    hour, twin, minute, second, twin_after = clock.groups()
    if hour == "24":
        when, hour = when + timedelta(days=1), "0"
    moment = time(int(hour), int(minute), int(second or 0))
    zone = _offset(text, clock.end()) if iso_year else None
    return Wall(datetime.combine(when, moment, zone), (twin or twin_after).upper())


def decimals(cells: Iterable[str], delimiter: str) -> Decimals:
    """How a column writes fractions. Raises ValueError where 1.234 may mean either."""
    dotted = False
    ambiguous = True
    for cell in cells:
        text = cell.strip()
        if "," in text:
            return "comma"
        if "." in text:
            dotted = True
            ambiguous = ambiguous and _THOUSANDS.fullmatch(text) is not None
    if dotted and ambiguous and delimiter == ";":
        raise ValueError("values such as 1.234 may be thousands or fractions; say --decimal comma or --decimal point")
    return "point"


def number(cell: str, how: Decimals) -> Decimal:
    """The number in a cell. Raises ValueError for what is none."""
    text = cell.strip().replace("\u00a0", "").replace(" ", "").replace("'", "")
    if how == "comma":
        whole, comma, fraction = text.partition(",")
        if "." in fraction or ("." in whole and not _THOUSANDS.fullmatch(whole)):
            raise ValueError(f"{cell!r} is no number with a decimal comma")
        text = whole.replace(".", "") + ("." + fraction if comma else "")
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{cell!r} is no number") from None
    if not value.is_finite():
        raise ValueError(f"{cell!r} is no number")
    return value


def status(cell: str) -> tuple[Quality, str]:
    """Quality and reason. Raises ValueError for a status nobody knows."""
    try:
        return _STATUS[cell.strip().upper()[:1]]
    except KeyError:
        raise ValueError(f"unknown status {cell!r}; known are W, E, G, V") from None


def _offset(text: str, at: int) -> tzinfo | None:
    """The UTC offset behind a time of day."""
    found = _OFFSET.match(text, at)
    if found is None:
        return None
    if found[1].startswith("-") and "T" not in text:
        raise ValueError(f"the end of {text!r} may be a UTC offset or the end of an interval; write it as in ISO 8601")
    return datetime.fromisoformat(f"2000-01-01T00:00{found[1]}").tzinfo


def _year(text: str) -> int:
    return int(text) + (2000 if len(text) == 2 else 0)
