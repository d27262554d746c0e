"""Numbers, units and times as one reader wants them: in German or English, in local time."""

from collections.abc import Mapping
from typing import NamedTuple

from analytics.alerts.sensitivity import Judgement
from metering.event import Severity
from metering.instant import DAY, HOUR, MINUTE, SECOND
from metering.localtime import LocalCalendar
from metering.quantities import BILLING_UNIT, QUANTITIES, Kind
from metering.texts import Texts

_LARGER = {
    "W": ("kW", 1e3),
    "kW": ("MW", 1e4),
    "kWh": ("MWh", 1e5),
    "kg": ("t", 1e5),
    "VA": ("kVA", 1e3),
    "var": ("kvar", 1e3),
}
"""unit: (the next larger one, which is a thousand of it; from which value on it is used)"""

_DIGITS = {"V": 1, "A": 2, "Hz": 2, "°C": 1, "%": 0, "ppm": 0, "lx": 0, "hPa": 0, "W/m²": 0, "m³/h": 2, "1": 2}


class Shown(NamedTuple):
    """A value ready to be read."""

    number: str
    unit: str

    def __str__(self) -> str:
        return f"{self.number}\u00a0{self.unit}" if self.unit else self.number


NOTHING = Shown("–", "")


class Formats:
    """Turns values into text. All instants are µs since the Unix epoch, UTC."""

    def __init__(self, texts: Texts, calendar: LocalCalendar) -> None:
        self._texts = texts
        self._calendar = calendar

    def value(self, value: float | None, unit: str) -> Shown:
        """About three significant digits, in a unit that suits the size: 1234 W is 1,23 kW; None is a dash."""
        if value is None:
            return NOTHING
        while unit in _LARGER and abs(value) >= _LARGER[unit][1]:
            unit, value = _LARGER[unit][0], value / 1e3
        digits = _DIGITS.get(unit)
        if digits is None:
            digits = 0 if abs(value) >= 100 or unit == "W" else 1 if abs(value) >= 10 else 2
        return Shown(self._texts.number(value, digits), unit)

    def reading(self, quantity: str, value: float, billing_unit: str = "") -> Shown:
        """A reading as its device would show it: registers with all digits and never in another unit."""
        known = QUANTITIES.get(quantity)
        unit = known.unit if known else ""
        unit = billing_unit if unit == BILLING_UNIT else unit
        if known and known.kind in (Kind.REGISTER, Kind.STATE):
            digits = 0 if unit == "1" else 2
            return Shown(self._texts.number(value, digits), "" if unit == "1" else unit)
        shown = self.value(value, unit)
        return Shown(shown.number, "" if unit == "1" else shown.unit)

    def money(self, eur: float | None) -> Shown:
        """Euros and cents."""
        return NOTHING if eur is None else Shown(self._texts.number(eur, 2), "€")

    def count(self, number: int, of: int | None = None) -> Shown:
        """A number of things, out of a number of them."""
        return Shown(self._texts.number(number, 0), "" if of is None else f"/ {self._texts.number(of, 0)}")

    def severities(self, numbers: Mapping[Severity, int]) -> str:
        """How many of each severity, the worst first: 1 kritisch · 2 Warnungen."""
        worst_first = sorted((severity for severity, number in numbers.items() if number), reverse=True)
        words = {severity: "" if numbers[severity] == 1 else ".many" for severity in worst_first}
        return " · ".join(
            f"{numbers[each]}\u00a0{self._texts(f'severity.{each:d}{many}')}" for each, many in words.items()
        )

    def sensitivity(self, judgement: Judgement) -> str:
        """How readily alerts are raised, and why: 0,5-fach (1 Fehlalarm, 0 bestätigt)."""
        factor = self._texts.number(judgement.sensitivity, 2 if judgement.sensitivity < 1 else 1)
        return self._texts("sensitivity", factor=factor, false=judgement.false_alarms, right=judgement.confirmed)

    def word(self, text: str) -> Shown:
        """A word where others show a number."""
        return Shown(text, "")

    def percent(self, share: float | None) -> str:
        """A share of 0..1 in percent; just under 1 is never rounded up to 100 %."""
        if share is None:
            return NOTHING.number
        return f"{self._texts.number(min(share * 100, 99.9) if share < 1 else 100.0, 0 if share == 1 else 1)} %"

    def quantity(self, name: str) -> str:
        """What people call a quantity; its own name if there is no text for it."""
        return self._known("quantity", name)

    def usage(self, key: str) -> str:
        """What people call the usage of a building; the key itself if there is no text for it."""
        return self._known("usage", key)

    def kind(self, key: str) -> str:
        """What people call a kind of alert; the key itself if there is no text for it."""
        return self._known("kind", key)

    def reason(self, key: str) -> str:
        """Why a value is not to be trusted; the key itself if there is no text for it."""
        return self._known("reason", key)

    def time(self, instant_us: int) -> str:
        """Local date and time to the minute."""
        return self._calendar.local(instant_us).strftime(self._texts("format.time"))

    def moment(self, instant_us: int, now_us: int) -> str:
        """Local time, as short as it can be told from now: 21:36, or 27.11., 21:36, or with the year."""
        then, now = self._calendar.local(instant_us), self._calendar.local(now_us)
        if then.date() == now.date():
            return then.strftime("%H:%M")
        return then.strftime(self._texts("format.moment")) if then.year == now.year else self.time(instant_us)

    def clock(self, instant_us: int) -> str:
        """Local time of day to the second."""
        return self._calendar.local(instant_us).strftime("%H:%M:%S")

    def day(self, instant_us: int) -> str:
        """Local date."""
        return self._calendar.local(instant_us).strftime(self._texts("format.day"))

    def month(self, year: int, month: int) -> str:
        return f"{self._texts(f'month.{month}')} {year}"

    def span(self, duration_us: int) -> str:
        """A duration in its largest fitting unit: 12 s, 5 min, 3 h, 4 days."""
        return self._counted("span", duration_us)

    def ago(self, instant_us: int | None, now_us: int) -> str:
        """How long ago something was; a dash for never."""
        if instant_us is None:
            return NOTHING.number
        return self._counted("ago", now_us - instant_us)

    def _counted(self, group: str, duration_us: int) -> str:
        for size, key in ((2 * DAY, "days"), (HOUR, "hours"), (MINUTE, "minutes")):
            if duration_us >= size:
                unit = DAY if key == "days" else size
                return self._texts(f"{group}.{key}", n=duration_us // unit)
        return self._texts(f"{group}.seconds", n=max(0, duration_us // SECOND))

    def _known(self, group: str, key: str) -> str:
        try:
            return self._texts(f"{group}.{key}")
        except LookupError:
            return key
