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
class Allocated:
    """What a method makes of a plant: g per kWh of each output, and heat's share of the emissions, 0..1, if any."""

    method: Allocation
    heat_share: Decimal | None
    electricity: Decimal
    heat: Decimal


@dataclass(frozen=True, slots=True)
class Plant:
    """A plant by its data sheet or its yearly balance, and the meters of what it makes.

    fuel                carrier of a view whose factor its fuel has: gas, biogas
    fuel_kwh            kWh(Hi) for ``electricity_kwh`` and ``heat_kwh``
    supply_k, return_k  of the heat network, for the exergetic method
    reference_*         efficiencies of separate production, for the Finnish method
    source              data sheet or balance
    losses_kwh          what of ``heat_kwh`` the network loses before the meters of ``heat`` count it
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
    losses_kwh: Decimal = Decimal(0)
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
        made = self._allocated(self.method, fuel, day)
        return replace(
            fuel,
            edition=SETTINGS,
            carrier=f"chp_{output}:{self.id}",
            g_per_kwh=made.heat if output is Carrier.HEAT else made.electricity,
            heat_basis=HeatBasis.NONE,
            hi_per_hs=None,
            publisher=self.source,
            document=f"{self.id}: {fuel.edition}, {fuel.carrier} ({self.method})",
            page=f"{fuel.publisher}, {fuel.page}",
        )

    def compared(self, day: date, view: View) -> list[Allocated]:
        """By every method whose data are there. Raises LookupError if the view has no factor for its fuel."""
        fuel = self._fuel_factor(day, view)
        lacking = set()
        if self.supply_k is None:
            lacking.add(Allocation.EXERGETIC)
        if not self._has_references:
            lacking.add(Allocation.FINNISH)
        try:
            _displaced(day)
        except LookupError:
            lacking.add(Allocation.DISPLACEMENT)
        return [self._allocated(method, fuel, day) for method in Allocation if method not in lacking]

    @property
    def saving(self) -> Decimal | None:
        """Primary energy saved against separate production, 0..1 (Directive 2012/27/EU); None without references."""
        if not self._has_references:
            return None
        with exact():
            return chp.primary_energy_saving(self.fuel_kwh, self.electricity_kwh, self.heat_kwh, **self._references())

    @property
    def _has_references(self) -> bool:
        return None not in (self.reference_electric, self.reference_thermal)

    def _references(self) -> dict[str, Decimal]:
        assert self.reference_electric is not None
        assert self.reference_thermal is not None
        return {"reference_electric": self.reference_electric, "reference_thermal": self.reference_thermal}

    def _allocated(self, method: Allocation, fuel: Factor, day: date) -> Allocated:
        with exact():
            emitted = self._fuel_in(fuel) * fuel.kg_per_kwh
            heat = self._of_heat(method, emitted, day)
            at_meters = chp.network_factor(heat, self.heat_kwh, self.losses_kwh)
            of_power = (emitted - heat) / self.electricity_kwh
            share = heat / emitted if emitted else None
            return Allocated(method, share, _grams(of_power), _grams(at_meters))

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

    def _of_heat(self, method: Allocation, emitted: Decimal, day: date) -> Decimal:
        fuel, power, heat = self.fuel_kwh, self.electricity_kwh, self.heat_kwh
        match method:
            case Allocation.EXERGETIC:
                assert self.supply_k is not None
                return emitted * chp.exergetic_share(power, heat, supply_k=self.supply_k, return_k=self.return_k)
            case Allocation.FINNISH:
                return emitted * chp.finnish_share(fuel, power, heat, **self._references())
            case Allocation.IEA:
                return emitted * chp.energy_share(power, heat)
            case Allocation.DISPLACEMENT:
                return chp.displacement_kg(emitted, power, _displaced(day))


def _displaced(day: date) -> Factor:
    """Raises LookupError for a day on which the law knows no credit."""
    return FactorSet.load(DISPLACED).factor("displacement", day)


def _grams(kg: Decimal) -> Decimal:
    return (kg * 1000).quantize(_DIGITS)


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
