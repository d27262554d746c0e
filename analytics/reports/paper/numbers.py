"""Numbers and days as people write them; here a report's values are rounded, once, half up."""

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from metering.texts import Language

MISSING = "–"
NO_BREAK = "\N{NO-BREAK SPACE}"
"""Between a number and its unit."""
_MINUS = "−"


def rounded(value: Decimal, digits: int) -> Decimal:
    """With ``digits`` after the point, half up."""
    return value.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def percent(share: Decimal, digits: int = 1) -> Decimal:
    """A share of 0..1, rounded; what is below one never becomes 100."""
    found = rounded(share * 100, digits)
    return min(found, 100 - Decimal(1).scaleb(-digits)) if share < 1 else found


@dataclass(frozen=True, slots=True)
class Numbers:
    """In one language.

    >>> Numbers("de").decimal(Decimal("-1234567.85"), 1)
    '−1.234.567,9'
    >>> Numbers("en").decimal(Decimal("1234.5"), 0)
    '1,235'
    """

    language: Language

    def decimal(self, value: Decimal | None, digits: int = 0) -> str:
        """With ``digits`` after the point; a dash for what is not known."""
        if value is None:
            return MISSING
        shown = rounded(value, digits)
        text = f"{abs(shown):,.{digits}f}"
        if self.language == "de":
            text = text.translate(str.maketrans(",.", ".,"))
        return f"{_MINUS}{text}" if shown < 0 else text

    def signed(self, value: Decimal, digits: int = 0) -> str:
        """With a plus for what grows."""
        text = self.decimal(value, digits)
        return f"+{text}" if rounded(value, digits) > 0 else text

    def percent(self, share: Decimal | None, digits: int = 1) -> str:
        """A share of 0..1; what is below one never reads 100."""
        if share is None:
            return MISSING
        return f"{self.decimal(percent(share, digits), digits)}{NO_BREAK}%"

    def index(self, value: Decimal) -> str:
        """Of 0..1, with three digits; what is below one never reads 1."""
        return self.decimal(min(value, Decimal("0.999")) if value < 1 else value, 3)

    def mega(self, value: Decimal | None, digits: int = 1) -> str:
        """A thousandth of it: kWh as MWh, kg as t."""
        return self.decimal(None if value is None else value / 1000, digits)

    def day(self, day: date) -> str:
        return f"{day:%d.%m.%Y}" if self.language == "de" else day.isoformat()
