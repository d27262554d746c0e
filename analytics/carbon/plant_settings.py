"""Settings of plants and certificates."""

from decimal import Decimal
from typing import Literal, Self

from pydantic import Field, model_validator

from analytics.carbon.certificate import Certificate
from analytics.carbon.chp import BISKO_RETURN_K
from analytics.carbon.plant import Allocation, Plant
from metering.strict import Strict

_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
_MOST = Decimal("1.1")  # condensing plants make more than their fuel's net calorific value, by its latent heat


class PlantSettings(Strict):
    """A plant of combined heat and power; generation meters that no plant names are photovoltaics."""

    id: str = Field(pattern=_ID)
    """Names its factors."""
    fuel: Literal["gas", "biogas"] = "gas"
    """The carrier whose factor its fuel has."""
    method: Allocation = Allocation.EXERGETIC
    """How its emissions are shared: exergetic (BISKO), finnish, iea or displacement."""
    fuel_kwh: Decimal = Field(gt=0)
    """Fuel in kWh(Hi): of the data sheet, an hour's is enough, or of a year."""
    electricity_kwh: Decimal = Field(gt=0)
    """Electricity it makes of that, in kWh."""
    heat_kwh: Decimal = Field(gt=0)
    """Heat it makes of that, in kWh."""
    losses_kwh: Decimal = Field(default=Decimal(0), ge=0)
    """What of that heat the network loses before its meters count it: their kWh emit so much more."""
    source: str
    """The data sheet or the balance these values stand in."""
    electricity: tuple[str, ...] = ()
    """Ids of the generation meters of its electricity."""
    heat: tuple[str, ...] = ()
    """Ids of the meters of its heat."""
    feed_in: tuple[str, ...] = ()
    """Ids of the feed-in meters of its electricity alone."""
    fuel_meters: tuple[str, ...] = ()
    """Ids of the supply meters of its fuel. With them the fuel counts, and what is made of it stands beside it."""
    supply_k: Decimal | None = Field(default=None, gt=200)
    """Supply temperature of the heat network in kelvin, for exergetic."""
    return_k: Decimal = Field(default=BISKO_RETURN_K, gt=200)
    """Return temperature in kelvin; BISKO fixes 283."""
    reference_electric: Decimal | None = Field(default=None, gt=0, le=1)
    """Efficiency of separate production of electricity, for finnish."""
    reference_thermal: Decimal | None = Field(default=None, gt=0, le=1)
    """Efficiency of separate production of heat, for finnish."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.electricity_kwh + self.heat_kwh > _MOST * self.fuel_kwh:
            raise ValueError(f"plant {self.id!r} makes more energy than its fuel has; give the fuel in kWh(Hi)")
        if self.losses_kwh >= self.heat_kwh:
            raise ValueError(f"plant {self.id!r} makes no more heat than its network loses")
        if self.method is Allocation.EXERGETIC and (self.supply_k is None or self.supply_k <= self.return_k):
            raise ValueError(f"plant {self.id!r}: exergetic needs supply_k, in kelvin and over return_k")
        if self.method is Allocation.FINNISH and None in (self.reference_electric, self.reference_thermal):
            raise ValueError(f"plant {self.id!r}: finnish needs reference_electric and reference_thermal")
        if not (self.electricity or self.heat):
            raise ValueError(f"plant {self.id!r} names no meter of its electricity or heat")
        return self

    def plant(self) -> Plant:
        return Plant(**self.model_dump())


class CertificateSettings(Strict):
    """Guarantees of origin (Herkunftsnachweise) that were cancelled, or a supplier's product; for GHGP-MB."""

    id: str = Field(pattern=_ID)
    """Names its factor."""
    year: int = Field(ge=1990, le=2199)
    """Year of generation (vintage): it covers purchased electricity of this calendar year alone."""
    kwh: Decimal = Field(gt=0)
    """The volume it covers."""
    g_per_kwh: Decimal = Field(default=Decimal(0), ge=0)
    """What a kWh of it emits, direct; 0 for wind, sun and water."""
    source: str
    """The register and the proof of cancellation."""

    def certificate(self) -> Certificate:
        return Certificate(self.id, self.year, self.kwh, self.g_per_kwh, self.source)
