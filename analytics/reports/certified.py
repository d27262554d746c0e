"""What certificates cover of purchased electricity, in the market-based view. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal

from analytics.carbon.certificate import VIEW, Certificate, shares
from analytics.carbon.emissions import Problem
from analytics.carbon.exact import exact
from analytics.carbon.view import Scope, View
from analytics.reports.meter_sum import MeterSum
from analytics.reports.rules import Rules
from metering.estate import Carrier, Estate, Meter, Role

Shares = Mapping[int, Mapping[Certificate, Decimal]]
"""By year: how much of each kWh a certificate covers."""


def purchased(estate: Estate) -> list[Meter]:
    """The meters whose electricity certificates cover, wherever they are."""
    return [m for m in estate.meters.values() if m.carrier is Carrier.ELECTRICITY and m.role is Role.SUPPLY]


def years(rules: Rules, view: View, wanted: Iterable[int]) -> set[int]:
    """Those of the wanted years for which there are certificates that count in the view."""
    return {one.year for one in rules.certificates if view.name == VIEW} & set(wanted)


def shares_of(rules: Rules, year: int, sums: Iterable[MeterSum]) -> Mapping[Certificate, Decimal]:
    """From the sums of all purchased electricity of the year."""
    with exact():
        parts = (part.sum.kwh.total for part in sums if part.scope is Scope.TWO and part.sum.kwh is not None)
        return shares(rules.certificates, year, sum(parts, Decimal(0)))


def covered(part: MeterSum, found: Shares, rules: Rules) -> MeterSum:
    """The sum with what certificates cover at their factors; the rest stays at the residual mix, or without any."""
    own = found.get(part.month.year)
    one = part.sum
    is_purchase = part.scope is Scope.TWO and part.meter.carrier is Carrier.ELECTRICITY and rules.supplies(part.meter)
    if not own or not is_purchase or one.kwh is None:
        return part
    with exact():
        rest = 1 - sum(own.values(), _NONE)
        factors = tuple(certificate.factor for certificate in own)
        rates = (certificate.factor.kg_per_kwh * share for certificate, share in own.items())
        kg = one.kwh.times(sum(rates, _NONE))
        spread = rules.bands.spread(kg, factors[0])
        if one.kg is not None:
            kg, spread = kg.plus(one.kg.times(rest)), spread + one.spread_kg * rest
        problems = one.problems if rest else tuple(p for p in one.problems if p is not Problem.NO_FACTOR)
        used = (*factors, *one.factors) if rest else factors
        return replace(part, sum=replace(one, kg=kg, factors=used, problems=problems, spread_kg=spread))


_NONE = Decimal(0)
