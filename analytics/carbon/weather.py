"""Weather normalisation of heating energy, for buildings; a BISKO balance is never corrected.

Degree days (Gradtagzahl) G20/15: Σ (20 °C - t) over the days whose mean t is below 15 °C (VDI 3807:2013, VDI 2067).
Climate factors of the Deutscher Wetterdienst correct to the test reference year of Potsdam: Q x KF.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

HEATED = ("heat", "gas")
"""The carriers that heat buildings."""


@dataclass(frozen=True, slots=True)
class Normalisation:
    """Factors by which heating energy of a whole year becomes that of a normal one.

    method           G20/15 or DWD-KF: part of the result, for two methods give two numbers
    source           station or postcode, and where the values are from
    factors          by calendar year
    hot_water_share  of the energy that does not depend on weather, 0..1
    """

    method: str
    source: str
    factors: Mapping[int, Decimal] = field(default_factory=dict)
    hot_water_share: Decimal = Decimal(0)

    def factor(self, year: int) -> Decimal | None:
        """What the year's energy is multiplied by; None for a year without degree days or climate factor."""
        heating = self.factors.get(year)
        if heating is None:
            return None
        return self.hot_water_share + (1 - self.hot_water_share) * heating


def degree_days(
    daily_means: Iterable[Decimal], *, indoor: Decimal = Decimal(20), limit: Decimal = Decimal(15)
) -> Decimal:
    """Kd over days of the given mean outdoor temperature (°C); the defaults make G20/15.

    A missing day is no day without heating: give every day of the period.
    """
    return sum((indoor - mean for mean in daily_means if mean < limit), Decimal(0))


def heating_factor(degree_days_of_year: Decimal, reference: Decimal) -> Decimal:
    """What a year's heating energy is multiplied by to be that of ``reference`` degree days (VDI 3807).

    For the room-heating part (no hot water) of a whole year or heating season. Raises ValueError for no degree days.
    """
    if degree_days_of_year <= 0:
        raise ValueError("a period without degree days has no heating to correct; use a whole heating season")
    return reference / degree_days_of_year
