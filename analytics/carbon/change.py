"""Why emissions changed from one year to the next: by what was consumed, or by the factor."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Change:
    """The parts of a change in kg; they add up to ``total_kg`` exactly."""

    activity_kg: Decimal
    factor_kg: Decimal

    @property
    def total_kg(self) -> Decimal:
        return self.activity_kg + self.factor_kg


def change(before_kwh: Decimal, before_kg_per_kwh: Decimal, now_kwh: Decimal, now_kg_per_kwh: Decimal) -> Change:
    """Activity at the old factor, the factor's change at the new activity (Laspeyres, Paasche)."""
    return Change((now_kwh - before_kwh) * before_kg_per_kwh, now_kwh * (now_kg_per_kwh - before_kg_per_kwh))
