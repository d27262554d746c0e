"""Report periods as people write them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Self

from metering.instant import Window
from metering.localtime import LocalCalendar


@dataclass(frozen=True, slots=True)
class Period:
    """Whole local days ``[start, end)``. Raises ValueError for none."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError(f"the period from {self.start} to before {self.end} has no day")

    @classmethod
    def parse(cls, text: str) -> Self:
        """``2026``, ``2026-10``, ``2026-10-05`` or ``2026-01-01..2026-03-15`` (to before a day).

        Raises ValueError for anything else.

        >>> Period.parse("2026-12")
        Period(start=datetime.date(2026, 12, 1), end=datetime.date(2027, 1, 1))
        """
        try:
            if ".." in text:
                first, _, end = text.partition("..")
                return cls(date.fromisoformat(first), date.fromisoformat(end))
            match text.split("-"):
                case [year]:
                    return cls(date(int(year), 1, 1), date(int(year) + 1, 1, 1))
                case [year, month]:
                    start = date(int(year), int(month), 1)
                    return cls(start, date(start.year + start.month // 12, start.month % 12 + 1, 1))
                case _:
                    start = date.fromisoformat(text)
                    return cls(start, date.fromordinal(start.toordinal() + 1))
        except ValueError:
            raise ValueError(f"{text!r} is no period; write 2026, 2026-10 or 2026-10-05") from None

    @classmethod
    def year(cls, year: int) -> Self:
        """A calendar year."""
        return cls(date(year, 1, 1), date(year + 1, 1, 1))

    def __str__(self) -> str:
        """As `parse` reads it; a running period is written as its days ``2026-01-01..2026-03-15`` (the last not in it).

        >>> str(Period.parse("2026-12"))
        '2026-12'
        """
        start = self.start
        candidates = (f"{start.year}", f"{start:%Y-%m}", start.isoformat())
        return next((text for text in candidates if Period.parse(text) == self), f"{start}..{self.end}")

    @property
    def months(self) -> list["Period"]:
        """The local months it touches, each as far as it lies in it."""
        found = []
        start = self.start
        while start < self.end:
            following = date(start.year + start.month // 12, start.month % 12 + 1, 1)
            found.append(Period(start, min(following, self.end)))
            start = following
        return found

    @property
    def days(self) -> list["Period"]:
        """Its local days."""
        days = range(self.start.toordinal(), self.end.toordinal())
        return [Period(date.fromordinal(day), date.fromordinal(day + 1)) for day in days]

    @property
    def whole_month(self) -> "Period":
        """The local month that its first day is in."""
        return Period.parse(f"{self.start:%Y-%m}")

    @property
    def previous(self) -> "Period":
        """The same days of the year before; 29 February becomes the end of February."""
        return Period(_year_before(self.start), _year_before(self.end))

    def split(self, days: Iterable[date]) -> list["Period"]:
        """Its parts between the given days."""
        bounds = [self.start, *sorted({day for day in days if self.start < day < self.end}), self.end]
        return [Period(start, end) for start, end in pairwise(bounds)]

    def until(self, day: date) -> Self:
        """The part before a local day: what of a running period is over. Raises ValueError if nothing is."""
        return type(self)(self.start, min(self.end, day))

    def window(self, calendar: LocalCalendar) -> Window:
        return Window(calendar.midnight(self.start), calendar.midnight(self.end))


def _year_before(day: date) -> date:
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        return date(day.year - 1, 2, 28)
