"""The CO2 and energy report: a row for each building, carrier and local month."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import reduce

from analytics.carbon.emissions import DayFigure
from analytics.carbon.factor import Factor
from analytics.carbon.factors import FactorSet
from analytics.reports.gaps import PeriodSum, filled
from metering.estate import Building, Carrier, Estate, Meter, Role


@dataclass(frozen=True, slots=True)
class Row:
    """One building, carrier and month (its first local day) over all supply meters."""

    building: Building
    carrier: Carrier
    month: date
    meters: tuple[str, ...]
    sum: PeriodSum


@dataclass(frozen=True, slots=True)
class Report:
    """Sorted by building, carrier and month; ``[start, end)`` are the local days it covers."""

    start: date
    end: date
    timezone: str
    factor_set: FactorSet
    rows: tuple[Row, ...]

    @property
    def factors(self) -> list[Factor]:
        """Every factor that was used, sorted by id."""
        used = {factor.id: factor for row in self.rows for factor in row.sum.factors}
        return [used[name] for name in sorted(used)]


def reported(estate: Estate) -> list[Meter]:
    """The meters that count: what is taken from the network, and carries energy."""
    return [m for m in estate.meters.values() if m.role is Role.SUPPLY and m.carrier is not Carrier.WATER]


def rows(estate: Estate, figures: Iterable[DayFigure]) -> tuple[Row, ...]:
    """Rows from the daily figures of reported meters; figures of other meters are left out."""
    meters = {meter.id: meter for meter in reported(estate)}
    groups: defaultdict[tuple[str, Carrier, date], defaultdict[str, list[DayFigure]]]
    groups = defaultdict(lambda: defaultdict(list))
    for figure in figures:
        meter = meters.get(figure.meter)
        if meter is not None:
            groups[meter.building, meter.carrier, figure.day.replace(day=1)][meter.id].append(figure)
    return tuple(
        Row(
            estate.buildings[building],
            carrier,
            month,
            tuple(sorted(by_meter)),
            reduce(PeriodSum.plus, (filled(by_meter[meter]) for meter in sorted(by_meter))),
        )
        for (building, carrier, month), by_meter in sorted(groups.items())
    )
