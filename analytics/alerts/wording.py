"""Findings put into words. Times are local, numbers are written the language's way."""

from metering.instant import DAY, HOUR, MINUTE, SECOND
from metering.localtime import LocalCalendar
from metering.texts import Language, Texts


class Wording:
    """The words of one installation: its language and its local time."""

    def __init__(self, language: Language, calendar: LocalCalendar) -> None:
        self.say = Texts("analytics", language)
        self.say_alert = Texts("analytics.alerts", language)
        self.zone = calendar.zone
        self._calendar = calendar

    def number(self, value: float) -> str:
        """Three significant digits or so, never an exponent."""
        size = abs(value)
        digits = 0 if size >= 100 or value == int(value) else 1 if size >= 10 else 2 if size >= 0.1 else 4
        return self.say.number(value, digits)

    def duration(self, duration_us: int) -> str:
        """Two days or more in days, below that in hours and minutes, below a minute in seconds."""
        minutes = duration_us // MINUTE
        if duration_us >= 2 * DAY:
            return self.say("days", n=duration_us // DAY)
        if duration_us >= HOUR:
            hours, rest = divmod(minutes, 60)
            return self.say("hours_minutes", h=hours, m=rest) if rest else self.say("hours", n=hours)
        return self.say("minutes", n=minutes) if minutes else self.say("seconds", n=duration_us // SECOND)

    def check_first(self, kind: str) -> str:
        """What to check first at an alert of the kind."""
        try:
            return self.say_alert(f"check.{kind}")
        except LookupError:
            return self.say_alert("check.other")

    def moment(self, instant_us: int) -> str:
        return self.say("moment", day=self._calendar.local(instant_us))

    def day(self, instant_us: int) -> str:
        return self.say("day", day=self._calendar.local(instant_us))

    def weekly(self, instant_us: int) -> str:
        """The time of week, such as "sonntags um 03:00"."""
        local = self._calendar.local(instant_us)
        return self.say("when", weekday=self.say(f"weekday.{local.weekday()}"), time=f"{local:%H:%M}")
