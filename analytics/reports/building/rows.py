"""The rows of a building's energy report, from two reports of the same readings. Pure; nothing is rounded."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from analytics.carbon.conformity import Grade
from analytics.carbon.emissions import Problem
from analytics.carbon.energy import GasPeriod
from analytics.carbon.exact import exact
from analytics.carbon.factor import Factor
from analytics.carbon.weather import HEATED
from analytics.reports.changes import Change
from analytics.reports.figure import ALL, Figure, Measure
from analytics.reports.period import Period
from analytics.reports.report import COUNTED, Report, Row
from analytics.reports.rules import Rules
from metering.estate import Building, Carrier, Estate


@dataclass(frozen=True, slots=True)
class EnergyRow:
    """One carrier in one building over a period; None where nothing can be told.

    amount            in ``unit``, as metered; of electricity with what was generated and used on site
    gas               Zustandszahl and Brennwert over the period
    kwh, kwh_hi       gas in kWh(Hs) and kWh(Hi), both the same for what is not burnt
    completeness      0..1, of the time; ``estimated`` 0..1, of the energy
    weather_factor    makes a year's heat that of a normal year; None for single months, which are never corrected
    per_area          kWh/m² of net floor area (Nettoraumfläche)
    direct, upstream  kg of CO2(e) that leave the chimney, and with all that lies upstream
    grades            of BISKO data quality
    change            of ``upstream`` against the year before, by cause
    """

    building: Building
    carrier: Carrier
    period: Period
    meters: tuple[str, ...]
    amount: Decimal | None
    unit: str
    gas: tuple[GasPeriod, ...]
    kwh: Decimal | None
    kwh_hi: Decimal | None
    completeness: Decimal | None
    estimated: Decimal | None
    weather_factor: Decimal | None
    weather_method: str
    corrected_kwh: Decimal | None
    per_area: Decimal | None
    cost: Decimal | None
    direct: Figure | None
    upstream: Figure | None
    factors: tuple[Factor, ...]
    grades: tuple[Grade, ...]
    change: Change | None
    problems: tuple[Problem, ...]


def energy_rows(estate: Estate, rules: Rules, upstream: Report, direct: Report) -> list[EnergyRow]:
    """One for each carrier; both reports are of one building and the same period."""
    carriers = [c for c in Carrier if any(row.carrier is c and row.entry in COUNTED for row in upstream.rows)]
    with exact():
        return [_row(carrier, estate, rules, upstream, direct) for carrier in carriers]


def _row(carrier: Carrier, estate: Estate, rules: Rules, upstream: Report, direct: Report) -> EnergyRow:
    of_it = [row for row in upstream.rows if row.carrier is carrier and row.entry in COUNTED]
    building, is_water = of_it[0].building, carrier is Carrier.WATER
    energy = _figure(upstream, Measure.WATER if is_water else Measure.ENERGY, carrier)
    emitted = None if is_water else _figure(upstream, Measure.EMISSIONS, carrier)
    kwh = energy.value if energy is not None and not is_water else None
    factors = tuple(dict.fromkeys(factor for row in of_it for factor in row.sum.factors))
    ratio = next((f.hi_per_hs for f in factors if f.carrier == carrier and f.hi_per_hs is not None), None)
    weather = _weather(carrier, upstream.period, rules)
    method = f"{rules.weather.method}, {rules.weather.source}" if weather is not None and rules.weather else ""
    amount = sum((row.sum.amount.total for row in of_it if row.sum.amount is not None), Decimal(0))
    price = rules.prices.get(carrier)
    bought = sum((row.sum.amount.total for row in of_it if row.entry == "supply" and row.sum.amount), Decimal(0))
    area = building.floor_area_m2
    is_known = energy is not None and energy.value is not None
    return EnergyRow(
        building=building,
        carrier=carrier,
        period=upstream.period,
        meters=tuple(sorted({meter for row in of_it for meter in row.meters})),
        amount=(amount if carrier is Carrier.GAS or is_water else kwh) if is_known or amount else None,
        unit=carrier.unit,
        gas=_gas(carrier, of_it, estate, rules, upstream.period),
        kwh=kwh,
        kwh_hi=None if kwh is None or (carrier is Carrier.GAS and ratio is None) else kwh * (ratio or 1),
        completeness=energy.completeness if energy else None,
        estimated=energy.estimated_share if energy else None,
        weather_factor=weather,
        weather_method=method,
        corrected_kwh=kwh * weather if kwh is not None and weather is not None else None,
        per_area=kwh / Decimal(str(area)) if kwh is not None and area else None,
        cost=bought * price if price is not None and bought else None,
        direct=None if is_water else _direct(direct, carrier),
        upstream=emitted,
        factors=factors,
        grades=_grades(energy),
        change=next((c for c in upstream.changes if c.id.carrier == carrier and c.id.place == upstream.place), None),
        problems=next((one.problems for one in (emitted, energy) if one is not None), ()),
    )


def _figure(report: Report, measure: Measure, carrier: Carrier, scope: str = ALL) -> Figure | None:
    try:
        return report.figure(measure, carrier=carrier, scope=scope)
    except LookupError:
        return None


def _direct(report: Report, carrier: Carrier) -> Figure | None:
    """Of the carrier's first scope, 1 or 2; where there is but one scope, it is the whole."""
    scope, *_ = [*report.view.scopes_of(carrier), ALL]
    return _figure(report, Measure.EMISSIONS, carrier, scope) or _figure(report, Measure.EMISSIONS, carrier)


def _gas(carrier: Carrier, rows: Sequence[Row], estate: Estate, rules: Rules, period: Period) -> tuple[GasPeriod, ...]:
    if carrier is not Carrier.GAS or rules.gas is None:
        return ()
    area = estate.meters[rows[0].meters[0]].gas_area or ""
    return rules.gas.within(period.start, period.end, area)


def _weather(carrier: Carrier, period: Period, rules: Rules) -> Decimal | None:
    year = period.start.year
    is_year = period == Period.year(year)
    return rules.weather.factor(year) if rules.weather and is_year and carrier in HEATED else None


def _grades(energy: Figure | None) -> tuple[Grade, ...]:
    if energy is None or energy.value is None or energy.estimated_share is None:
        return ()
    return tuple(
        g for g, there in ((Grade.A, energy.estimated_share < 1), (Grade.B, energy.estimated_share > 0)) if there
    )
