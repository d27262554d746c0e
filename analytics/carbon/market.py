"""Market-based emissions of electricity (GHG Protocol scope 2): contracts first, the residual mix for the rest."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Instrument:
    """A guarantee of origin, or a supplier's product.

    kwh        how much it covers; None: all that is left
    kg_per_kwh of what it stands for; an explicit 0 is a factor
    source     the certificate or the labelling it stands on
    """

    kwh: Decimal | None
    kg_per_kwh: Decimal
    source: str


@dataclass(frozen=True, slots=True)
class MarketBased:
    """``uncovered_kwh`` counted with the residual mix, or is missing in ``kg`` if that is unknown: not ``complete``."""

    kg: Decimal
    covered_kwh: Decimal
    uncovered_kwh: Decimal
    complete: bool


def market_based(
    consumption_kwh: Decimal, instruments: Iterable[Instrument], residual_kg_per_kwh: Decimal | None
) -> MarketBased:
    """Instruments in their order, each no further than consumption goes: a surplus is nobody's credit.

    Without the residual mix the uncovered rest has no emissions figure, which is not 0 and not the location-based one.
    """
    kg, left = Decimal(0), consumption_kwh
    for instrument in instruments:
        used = left if instrument.kwh is None else min(left, instrument.kwh)
        kg += used * instrument.kg_per_kwh
        left -= used
    if residual_kg_per_kwh is not None:
        kg += left * residual_kg_per_kwh
    return MarketBased(kg, consumption_kwh - left, left, residual_kg_per_kwh is not None or not left)
