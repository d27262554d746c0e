"""Plants of combined heat and power (BHKW): what a kWh of their electricity and of their heat emits."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum

from analytics.carbon import chp
from analytics.carbon.exact import exact
from analytics.carbon.factor import Factor, HeatBasis
from analytics.carbon.factors import FactorSet
from analytics.carbon.view import View
from metering.estate import Carrier

DISPLACED = "geg-2020"
"""Edition with the factor of displaced electricity (Stromgutschrift)."""
SETTINGS = "settings"
"""Edition of what the settings say; its factors are named after what they belong to."""
_DIGITS = Decimal("1e-6")  # of g/kWh


class Allocation(StrEnum):
    """How a plant's emissions are shared among electricity and heat; see `analytics.carbon.chp`."""

    EXERGETIC = "exergetic"  # BISKO, FW 309-6
    FINNISH = "finnish"  # UBA, CO2KostAufG
    IEA = "iea"  # by energy
    DISPLACEMENT = "displacement"  # GEG, FW 309-1


@dataclass(frozen=True, slots=True)
class Plant:
    """A plant by its data sheet or its yearly balance, and the meters of what it makes.

    fuel                carrier of a view whose factor its fuel has: gas, biogas
    fuel_kwh            kWh(Hi) for ``electricity_kwh`` and ``heat_kwh``
    supply_k, return_k  of the heat network, for the exergetic method
    reference_*         efficiencies of separate production, for the Finnish method
    source              data sheet or balance
    electricity, heat   ids of the meters of its outputs; ``feed_in`` of what it gives to the network
    fuel_meters         ids of the supply meters of its fuel, if they are in the balance: then the fuel counts, and the
                        outputs are shown beside it, or the same emissions would count twice
    """

    id: str
    fuel: str
    method: Allocation
    fuel_kwh: Decimal
    electricity_kwh: Decimal
    heat_kwh: Decimal
    source: str
    electricity: tuple[str, ...] = ()
    heat: tuple[str, ...] = ()
    feed_in: tuple[str, ...] = ()
    fuel_meters: tuple[str, ...] = ()
    supply_k: Decimal | None = None
    return_k: Decimal = chp.BISKO_RETURN_K
    reference_electric: Decimal | None = None
    reference_thermal: Decimal | None = None

    def factor(self, output: Carrier, day: date, view: View) -> Factor:
        """Of a kWh of its electricity or heat. Raises LookupError if the view has no factor for its fuel."""
        fuel = self._fuel_factor(day, view)
        with exact():
            emitted = self._fuel_in(fuel) * fuel.kg_per_kwh
            heat = self._of_heat(emitted, day)
            kg, kwh = (heat, self.heat_kwh) if output is Carrier.HEAT else (emitted - heat, self.electricity_kwh)
            grams = (kg * 1000 / kwh).quantize(_DIGITS)
        return replace(
            fuel,
            edition=SETTINGS,
            carrier=f"chp_{output}:{self.id}",
            g_per_kwh=grams,
            heat_basis=HeatBasis.NONE,
            hi_per_hs=None,
            publisher=self.source,
            document=f"{self.id}: {fuel.edition}, {fuel.carrier} ({self.method})",
            page=f"{fuel.publisher}, {fuel.page}",
        )

    def _fuel_factor(self, day: date, view: View) -> Factor:
        for scope in view.scopes_of(self.fuel):
            if view.scopes[scope].series[self.fuel]:
                return view.scopes[scope].factor(self.fuel, day)
        raise LookupError(f"{view.name} has no factor for {self.fuel}, the fuel of plant {self.id}")

    def _fuel_in(self, factor: Factor) -> Decimal:
        """Fuel in the kWh that the factor is per."""
        if factor.heat_basis is HeatBasis.HI:
            return self.fuel_kwh
        if factor.hi_per_hs is None:
            raise LookupError(f"{factor.id} is per kWh(Hs) and does not say how many kWh(Hi) are in one")
        return self.fuel_kwh / factor.hi_per_hs

    def _of_heat(self, emitted: Decimal, day: date) -> Decimal:
        fuel, power, heat = self.fuel_kwh, self.electricity_kwh, self.heat_kwh
        match self.method:
            case Allocation.EXERGETIC:
                assert self.supply_k is not None
                return emitted * chp.exergetic_share(power, heat, supply_k=self.supply_k, return_k=self.return_k)
            case Allocation.FINNISH:
                assert self.reference_electric is not None
                assert self.reference_thermal is not None
                of = {"reference_electric": self.reference_electric, "reference_thermal": self.reference_thermal}
                return emitted * chp.finnish_share(fuel, power, heat, **of)
            case Allocation.IEA:
                return emitted * chp.energy_share(power, heat)
            case Allocation.DISPLACEMENT:
                displaced = FactorSet.load(DISPLACED).factor("displacement", day)
                return chp.displacement_kg(emitted, power, displaced)


@dataclass(frozen=True, slots=True)
class Plants:
    """All of them, by the meters they have."""

    all: tuple[Plant, ...] = ()

    def __iter__(self) -> Iterator[Plant]:
        return iter(self.all)

    def of(self, meter: str) -> Plant | None:
        """The plant whose output or feed-in a meter counts; None: the grid's, or photovoltaics."""
        return next((plant for plant in self.all if meter in (*plant.electricity, *plant.heat, *plant.feed_in)), None)

    @property
    def fuels(self) -> Iterable[str]:
        return {plant.fuel for plant in self.all}
