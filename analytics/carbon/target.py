"""The path to the municipality's target: how much its buildings may emit in which year.

The aims are the council's. For comparison: Germany as a whole, against 1990, 65 % less by 2030, 88 % less by 2040,
climate-neutral by 2045 (Bundes-Klimaschutzgesetz, § 3 (1) and (2)).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Target:
    """Straight lines from the base year through each year that has an aim.

    reductions  by year, ascending and after the base year: share of the base year's emissions (0..1) to be saved
    known_kg    CO2e of years that were balanced elsewhere, the base year's too if it is among them
    source      where the aims were decided
    """

    base_year: int
    reductions: Mapping[int, Decimal]
    known_kg: Mapping[int, Decimal] = field(default_factory=dict)
    source: str = ""

    @property
    def years(self) -> range:
        """From the base year to the last aim."""
        return range(self.base_year, max(self.reductions) + 1)

    def share(self, year: int) -> Decimal:
        """What may be emitted in the year, as a share of the base year's emissions; after the last aim as in its year.

        Raises ValueError for a year before the base year.
        """
        if year < self.base_year:
            raise ValueError(f"the path to the target begins in {self.base_year}, after {year}")
        before, saved = self.base_year, Decimal(0)
        for aim, reduction in self.reductions.items():
            if year <= aim:
                return 1 - saved - (reduction - saved) * (year - before) / (aim - before)
            before, saved = aim, reduction
        return 1 - saved
