"""kWh whose heat basis is part of their type, so that a factor per kWh(Hi) cannot meet kWh(Hs) unconverted.

Gas meters count operating volume and bills are in kWh(Hs), while most factors are per kWh(Hi); forgetting it is a
10 % error. Decimal throughout: nothing is rounded here.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise
from types import MappingProxyType

from analytics.carbon.factor import Factor, HeatBasis
from metering.estate import Carrier

_KWH_PER = MappingProxyType(
    {
        "Wh": Decimal("0.001"),
        "kWh": Decimal(1),
        "MWh": Decimal(1000),
        "GWh": Decimal(10**6),
        "MJ": 1 / Decimal("3.6"),  # ISO 80000-5: 1 kWh = 3.6 MJ
        "GJ": 1000 / Decimal("3.6"),
        "TJ": 10**6 / Decimal("3.6"),
    }
)


@dataclass(frozen=True, slots=True)
class Energy:
    """kWh that have no heat basis: electricity and heat."""

    kwh: Decimal

    @classmethod
    def of(cls, value: Decimal, unit: str) -> "Energy":
        """Raises LookupError for a unit that is none of energy."""
        if unit not in _KWH_PER:
            raise LookupError(f"unknown unit of energy {unit!r}; known: {', '.join(_KWH_PER)}")
        return cls(value * _KWH_PER[unit])


@dataclass(frozen=True, slots=True)
class HiEnergy:
    """kWh of net calorific value (Heizwert), which most factors are per."""

    kwh: Decimal


@dataclass(frozen=True, slots=True)
class HsEnergy:
    """kWh of gross calorific value (Brennwert), which gas is billed in."""

    kwh: Decimal

    def to_hi(self, hi_per_hs: Decimal) -> HiEnergy:
        return HiEnergy(self.kwh * hi_per_hs)


def emissions_kg(energy: Energy | HsEnergy | HiEnergy, factor: Factor) -> Decimal:
    """Emissions in kg of the factor's gases.

    Raises ValueError where energy and factor are of different kinds, LookupError where Hs has to become Hi and the
    factor does not say how.
    """
    match energy, factor.heat_basis:
        case (HsEnergy(), HeatBasis.HI):
            if factor.hi_per_hs is None:
                raise LookupError(f"{factor.id} is per kWh(Hi) and does not say how many are in a kWh(Hs)")
            return energy.to_hi(factor.hi_per_hs).kwh * factor.kg_per_kwh
        case (HsEnergy(), HeatBasis.HS) | (HiEnergy(), HeatBasis.HI) | (Energy(), HeatBasis.NONE):
            return energy.kwh * factor.kg_per_kwh
    raise ValueError(f"{factor.id} is per kWh({factor.heat_basis}) and does not fit {type(energy).__name__}")


@dataclass(frozen=True, slots=True)
class GasPeriod:
    """What the supplier's bill says about its gas on the local days ``[start, end)``; an end of None is open.

    state_number     Zustandszahl z: operating to standard volume (DVGW G 685), mostly 0.90 to 1.00
    calorific_value  Brennwert H_s,n in kWh(Hs) per standard m³, 8 to 13
    source           the bill or price sheet
    biogenic_share   0..1, of biomethane in it with a proof of sustainability
    area             the supply area, "" where there is but one

    Raises ValueError for values out of these ranges, which are mostly mixed up or in another unit.
    """

    start: date
    end: date | None
    state_number: Decimal
    calorific_value: Decimal
    source: str
    area: str = ""
    biogenic_share: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        if not Decimal("0.7") <= self.state_number <= Decimal("1.2"):
            raise ValueError(f"state number (Zustandszahl) {self.state_number} is not between 0.7 and 1.2")
        if not 7 <= self.calorific_value <= 14:
            raise ValueError(f"calorific value (Brennwert) {self.calorific_value} kWh/m³ is not between 7 and 14")

    def energy(self, volume_m3: Decimal) -> HsEnergy:
        """E = V_b × z × H_s (DVGW G 685)."""
        return HsEnergy(volume_m3 * self.state_number * self.calorific_value)


@dataclass(frozen=True, slots=True)
class GasQuality:
    """The gas over time, as the bills give it. Raises ValueError for periods of one supply area that overlap."""

    periods: tuple[GasPeriod, ...]

    def __post_init__(self) -> None:
        for before, after in pairwise(sorted(self.periods, key=lambda period: (period.area, period.start))):
            if before.area == after.area and (before.end is None or after.start < before.end):
                raise ValueError(f"gas of {after.source!r} from {after.start} overlaps that of {before.source!r}")

    def on(self, day: date, area: str = "") -> GasPeriod:
        """Raises LookupError for a day that no period of the supply area covers."""
        for period in self.periods:
            if period.area == area and period.start <= day and (period.end is None or day < period.end):
                return period
        where = f" in {area!r}" if area else ""
        raise LookupError(
            f"no Zustandszahl and Brennwert of the gas{where} are known for {day}; add them from the gas bill"
        )

    def within(self, start: date, end: date, area: str | None = None) -> tuple[GasPeriod, ...]:
        """The periods of the local days ``[start, end)``, of one supply area or all (None)."""
        return tuple(
            period
            for period in self.periods
            if area in (None, period.area) and period.start < end and (period.end is None or period.end > start)
        )


def metered_energy(
    carrier: Carrier, amount: Decimal, day: date, gas: GasQuality | None, area: str = ""
) -> Energy | HsEnergy:
    """The energy in an amount of the carrier's billing unit (kWh; m³ of operating volume for gas).

    ``area`` is the supply area that the gas comes from, "" where there is but one.

    Raises LookupError for gas whose quality on that day is unknown, and for water, which carries none.
    """
    match carrier:
        case Carrier.ELECTRICITY | Carrier.HEAT:
            return Energy(amount)
        case Carrier.GAS if gas is not None:
            return gas.on(day, area).energy(amount)
        case Carrier.GAS:
            raise LookupError("gas needs its Zustandszahl and Brennwert (from the gas bill) to become kWh")
        case Carrier.WATER:
            raise LookupError("water carries no energy, and no German factor per m³ is published")


def heating_oil_energy(volume_l: Decimal, density_t_per_m3: Decimal, calorific_value_gj_per_t: Decimal) -> HiEnergy:
    """Litres of heating oil in kWh(Hi); EBeV 2030 Annex 2 Part 4 has 0.845 t/1000 l and 42.8 GJ/t."""
    gigajoule = volume_l / 1000 * density_t_per_m3 * calorific_value_gj_per_t
    return HiEnergy(Energy.of(gigajoule, "GJ").kwh)


def state_number(temperature_c: Decimal, pressure_mbar: Decimal, compressibility: Decimal = Decimal(1)) -> Decimal:
    """Zustandszahl z = (T_n/T) · (p/p_n) / K of dry gas, p absolute (DVGW G 685): T_n 273.15 K, p_n 1013.25 mbar."""
    kelvin = Decimal("273.15")
    return kelvin / (kelvin + temperature_c) * pressure_mbar / Decimal("1013.25") / compressibility
