"""Settings of the CO2 figures."""

from datetime import date
from decimal import Decimal

from pydantic import Field

from analytics.carbon.energy import GasPeriod, GasQuality
from analytics.carbon.factors import DEFAULT
from metering.strict import Strict


class GasPeriodSettings(Strict):
    """What a gas bill says about the gas."""

    start: date
    """First local day."""
    end: date | None = None
    """The day after the last one; open if left out."""
    state_number: Decimal = Field(ge=Decimal("0.7"), le=Decimal("1.2"))
    """Zustandszahl."""
    calorific_value: Decimal = Field(ge=7, le=14)
    """Brennwert in kWh per standard m³."""
    source: str
    """The bill or price sheet it stands on."""


class CarbonSettings(Strict):
    """Which factors count, and what the gas is worth."""

    factors: str = DEFAULT
    """A rule set or edition; ``leitwarte carbon factors`` lists them."""
    gas: tuple[GasPeriodSettings, ...] = ()
    """The gas bills; without them gas has neither kWh nor CO2."""

    def gas_quality(self) -> GasQuality | None:
        periods = tuple(GasPeriod(p.start, p.end, p.state_number, p.calorific_value, p.source) for p in self.gas)
        return GasQuality(periods) if periods else None
