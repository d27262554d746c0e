"""How far a figure may be off: by factors that will be revised, and by values that were not measured."""

from dataclasses import dataclass
from decimal import Decimal

from analytics.carbon.emissions import Split
from analytics.carbon.factor import Factor, Status, Variant


@dataclass(frozen=True)
class Bands:
    """Half widths, as shares. They add up: each part is taken at its worst.

    provisional  of factors that are preliminary or estimated: later editions of the German grid mix moved such values
                 by -2.8 % to +2.4 % (Umweltbundesamt, editions 2013 to 2026 compared)
    stand_in     of a factor that stands in for a year that has none yet: a convention; the grid mix moved by up to
                 14 % from one year to the next
    substituted  of energy that was not measured: a convention
    """

    provisional: Decimal = Decimal("0.03")
    stand_in: Decimal = Decimal("0.10")
    substituted: Decimal = Decimal("0.20")

    def spread(self, kg: Split, factor: Factor | None) -> Decimal:
        """Half the width of the band around emissions, in their unit."""
        return abs(kg.total) * self._of(factor) + abs(kg.substituted) * self.substituted

    def _of(self, factor: Factor | None) -> Decimal:
        if factor is None:
            return Decimal(0)
        if factor.variant is not Variant.EXACT:
            return self.stand_in
        return Decimal(0) if factor.status is Status.FINAL else self.provisional
