"""Own generation in the inventory of a site (GHG Protocol, BISKO): grid import counts, feed-in is not netted."""

from dataclasses import dataclass
from decimal import Decimal

from analytics.carbon.energy import Energy, emissions_kg
from analytics.carbon.factor import Factor


@dataclass(frozen=True, slots=True)
class Flows:
    """Metered electricity of a site over one period, kWh.

    Raises ValueError if more is fed in than is generated: then the rest comes from elsewhere and nothing adds up.
    """

    supply: Decimal
    generation: Decimal
    feed_in: Decimal

    def __post_init__(self) -> None:
        if self.feed_in > self.generation:
            raise ValueError(f"{self.feed_in} kWh fed in, {self.generation} kWh generated: are the meters mixed up?")

    @property
    def self_used(self) -> Decimal:
        return self.generation - self.feed_in

    @property
    def consumption(self) -> Decimal:
        return self.supply + self.self_used

    @property
    def self_consumption_share(self) -> Decimal | None:
        """Eigenverbrauchsquote: how much of the generation is used here; None without generation."""
        return self.self_used / self.generation if self.generation else None

    @property
    def self_sufficiency_share(self) -> Decimal | None:
        """Autarkiegrad: how much of the consumption is generated here; None without consumption."""
        return self.self_used / self.consumption if self.consumption else None


def inventory_kg(flows: Flows, grid: Factor, own: Factor | None = None) -> Decimal:
    """Supply at the grid's factor, self-used generation at its own (none: 0, as in a direct inventory), in kg."""
    upstream = emissions_kg(Energy(flows.self_used), own) if own is not None else Decimal(0)
    return emissions_kg(Energy(flows.supply), grid) + upstream


def avoided_kg(flows: Flows, avoided: Factor) -> Decimal:
    """What the generation displaces elsewhere, in kg: a line of its own, never subtracted from the inventory."""
    return emissions_kg(Energy(flows.generation), avoided)
