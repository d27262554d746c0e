"""Hours of the local day such as 22:00-06:00; they may reach over midnight."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Self


def time_of_day(text: str) -> time:
    """The time of a text such as 07:30. Raises ValueError for anything else."""
    try:
        hour, minute = text.split(":")
        return time(int(hour), int(minute))
    except ValueError:
        raise ValueError(f"{text!r} is no time of day such as 07:30") from None


@dataclass(frozen=True, slots=True)
class DayHours:
    """From ``begin`` until before ``end``, local time."""

    begin: time
    end: time

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError for what is no stretch of hours."""
        try:
            begin, end = text.split("-")
            hours = cls(time_of_day(begin), time_of_day(end))
        except ValueError:
            raise ValueError(f"{text!r} are no hours such as 22:00-06:00") from None
        if hours.begin == hours.end:
            raise ValueError(f"{text!r} are no hours: leave it out for the whole day")
        return hours

    def __contains__(self, local: datetime) -> bool:
        now = local.time()
        if self.begin < self.end:
            return self.begin <= now < self.end
        return now >= self.begin or now < self.end


def next_at(local: datetime, moment: time) -> datetime:
    """The first time after ``local`` at which a clock in its zone shows ``moment``."""
    day = local.date() + timedelta(days=int(local.time() >= moment))
    return datetime.combine(day, moment, local.tzinfo)
