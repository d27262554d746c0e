"""Heat's share of the emissions of combined heat and power (KWK). The method is part of the result's name.

fuel, electricity, heat in the same unit; temperatures in K; efficiencies 0..1. The share of electricity is the rest.
"""

from decimal import Decimal

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
