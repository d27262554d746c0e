"""Heat's share of the emissions of combined heat and power (KWK). The method is part of the result's name.

fuel, electricity, heat in the same unit; temperatures in K; efficiencies 0..1. The share of electricity is the rest.
"""

from decimal import Decimal

from analytics.carbon.factor import Factor

BISKO_RETURN_K = Decimal(283)
"""Return temperature that BISKO fixes for the exergetic allocation."""


def exergetic_share(electricity: Decimal, heat: Decimal, *, supply_k: Decimal, return_k: Decimal) -> Decimal:
    """z·Q/(W + z·Q) with z = 1 − T_return/T_supply (BISKO, AGFW FW 309-6).

    Raises ValueError unless 200 K < return < supply, which mostly means degrees Celsius were given.
    """
    if not 200 < return_k < supply_k:
        raise ValueError(f"supply {supply_k} K and return {return_k} K are no temperatures of a heat network in kelvin")
    exergy = (1 - return_k / supply_k) * heat
    return exergy / (electricity + exergy)


def finnish_share(
    fuel: Decimal, electricity: Decimal, heat: Decimal, *, reference_electric: Decimal, reference_thermal: Decimal
) -> Decimal:
    """(η_th/η_th,ref) / (η_th/η_th,ref + η_el/η_el,ref) (UBA grid mix, CO2KostAufG)."""
    thermal = heat / fuel / reference_thermal
    electric = electricity / fuel / reference_electric
    return thermal / (thermal + electric)


def primary_energy_saving(
    fuel: Decimal, electricity: Decimal, heat: Decimal, *, reference_electric: Decimal, reference_thermal: Decimal
) -> Decimal:
    """1 − 1/(η_th/η_th,ref + η_el/η_el,ref) (Directive 2012/27/EU, Annex II), as a share."""
    return 1 - 1 / (heat / fuel / reference_thermal + electricity / fuel / reference_electric)


def energy_share(electricity: Decimal, heat: Decimal) -> Decimal:
    """Q/(W + Q) (IEA statistics)."""
    return heat / (electricity + heat)


def displacement_kg(emissions_kg: Decimal, electricity_kwh: Decimal, displaced: Factor) -> Decimal:
    """Emissions of the heat after the credit for displaced electricity, in kg: E - W·f (Stromgutschrift, FW 309-1).

    Below zero it counts as zero: heat that emits less than nothing is a sign of the method, not of the plant.
    """
    return max(Decimal(0), emissions_kg - electricity_kwh * displaced.kg_per_kwh)


def network_factor(heat_kg: Decimal, fed_in_kwh: Decimal, losses_kwh: Decimal) -> Decimal:
    """Kg per kWh of heat at the customers: what the plants emit over what is left of the feed-in after the losses.

    Raises ValueError for losses that leave nothing.
    """
    if not 0 <= losses_kwh < fed_in_kwh:
        raise ValueError(f"network losses of {losses_kwh} kWh do not fit a feed-in of {fed_in_kwh} kWh")
    return heat_kg / (fed_in_kwh - losses_kwh)
