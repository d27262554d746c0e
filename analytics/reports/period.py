"""Report periods as people write them."""

from dataclasses import dataclass
from datetime import date
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
        """``2026``, ``2026-10`` or ``2026-10-05``. Raises ValueError for anything else.

        >>> Period.parse("2026-12")
        Period(start=datetime.date(2026, 12, 1), end=datetime.date(2027, 1, 1))
        """
        try:
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

    def until(self, day: date) -> Self:
        """The part before a local day: what of a running period is over. Raises ValueError if nothing is."""
        return type(self)(self.start, min(self.end, day))

    def window(self, calendar: LocalCalendar) -> Window:
        return Window(calendar.midnight(self.start), calendar.midnight(self.end))
