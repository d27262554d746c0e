"""What one meter causes in one month: the atoms of which every figure is a sum. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from analytics.carbon.emissions import Coverage, DayFigure, Problem, Rate, Split, rate_on
from analytics.carbon.plant import Plant
from analytics.carbon.view import Scope, View
from analytics.reports.gaps import PeriodSum, filled, mean_of
from analytics.reports.period import Period
from analytics.reports.rules import Rules
from metering.estate import Carrier, Meter, Role


@dataclass(frozen=True, slots=True)
class MeterSum:
    """A meter's energy and emissions in one scope and local month (its first day)."""

    meter: Meter
    scope: Scope
    month: date
    sum: PeriodSum

    @classmethod
    def of(  # noqa: PLR0913, PLR0917
        cls,
        meter: Meter,
        month: date,
        amounts: Sequence[tuple[Period, tuple[Split, Coverage]]],
        asked: Period,
        rules: Rules,
        view: View,
    ) -> Iterator["MeterSum"]:
        """One for each scope the carrier stands in, of what of the whole month's stretches under one rate is asked for.

        Gaps are filled with the mean of the calendar month whatever part of it is asked for: so its parts add up.
        """
        mean = mean_of(amount for _, amount in amounts)
        plant = rules.plants.of(meter.id) if meter.carrier is Carrier.HEAT else None
        scopes = view.scopes_of(meter.carrier) if meter.role is Role.SUPPLY or plant else []
        beside = view.scopes_of(meter.carrier)[:1] or [next(iter(view.scopes))]  # where the carrier's energy counts
        for scope in scopes or beside:
            stretches = []
            for part, (amount, coverage) in amounts:
                if not asked.start <= part.start < asked.end:
                    continue
                day = part.start
                rate = _made_by(plant, day, view) if plant else rate_on(day, meter, view.scopes[scope], rules.gas)
                if rate.problem in (
                    Problem.NO_ENERGY,
                    Problem.NO_EMISSIONS,
                ):  # as it should be: no problem of the report
                    rate = Rate(rate.kwh_per_unit)
                stretches.append(DayFigure(meter.id, day, amount, None, None, coverage, rate))
            yield cls(meter, scope, month, filled(stretches, rules.bands, mean))


def _made_by(plant: Plant, day: date, view: View) -> Rate:
    """What a kWh of a plant's heat means."""
    try:
        factor = plant.factor(Carrier.HEAT, day, view)
    except LookupError:
        return Rate(Decimal(1), problem=Problem.NO_FACTOR)
    return Rate(Decimal(1), factor.kg_per_kwh, factor)
