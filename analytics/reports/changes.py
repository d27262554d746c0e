"""Changes from one year to the next, split into their causes. Pure."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from analytics.carbon.change import Change as Parts
from analytics.carbon.change import change
from analytics.carbon.view import View
from analytics.carbon.weather import HEATED
from analytics.reports.figure import ALL, FigureId, Measure
from analytics.reports.meter_sum import MeterSum
from analytics.reports.period import Period
from analytics.reports.rules import Rules
from metering.estate import Carrier


@dataclass(frozen=True, slots=True)
class Change:
    """Why emissions of a place and carrier changed, in kg; the four parts add up to the whole exactly.

    id           of the figure now
    before, now  kg
    activity     more or less was used, the weather apart
    weather      the winter was colder or milder
    factor       the factor is another one
    boundary     meters joined or left, or could be told in one of the years only
    """

    id: FigureId
    before: Decimal
    now: Decimal
    activity: Decimal
    weather: Decimal
    factor: Decimal
    boundary: Decimal


def changes(  # noqa: PLR0913, PLR0917
    period: Period,
    rules: Rules,
    view: View,
    place: str,
    now: Sequence[MeterSum],
    before: Sequence[MeterSum],
) -> Iterator[Change]:
    """Changes of what supply meters cause: of the whole and each building, in all and by carrier."""
    groups: defaultdict[tuple[str, str], list[Parts]] = defaultdict(list)
    earlier = {_key(part): part for part in before if rules.supplies(part.meter)}
    later = {_key(part): part for part in now if rules.supplies(part.meter)}
    years = period.previous.start.year, period.start.year
    for key in dict.fromkeys([*later, *earlier]):
        one = later.get(key) or earlier[key]
        if one.meter.carrier is Carrier.WATER:
            continue
        found = _parts(earlier.get(key), later.get(key), one.meter.carrier, rules, years)
        for where in {place, f"building:{one.meter.building}"}:
            for carrier in (ALL, one.meter.carrier.value):
                groups[where, carrier].append(found)
    for (where, carrier), parts in sorted(groups.items(), key=lambda item: (item[0][0] != place, item[0])):
        whole = Parts.sum(parts)
        yield Change(
            FigureId(view.name, period, Measure.EMISSIONS, where, carrier),
            whole.before_kg,
            whole.now_kg,
            whole.activity_kg,
            whole.weather_kg,
            whole.factor_kg,
            whole.boundary_kg,
        )


def _key(part: MeterSum) -> tuple[str, str, int]:
    return part.meter.id, part.scope, part.month.month


def _parts(before: MeterSum | None, now: MeterSum | None, carrier: str, rules: Rules, years: tuple[int, int]) -> Parts:
    old = before.sum if before else None
    new = now.sum if now else None
    old_kg = old.kg.total if old and old.kg else None
    new_kg = new.kg.total if new and new.kg else None
    if old is None or new is None or old_kg is None or new_kg is None or old.kwh is None or new.kwh is None:
        return Parts.of_boundary(old_kg or Decimal(0), new_kg or Decimal(0))
    normal = (Decimal(1), Decimal(1))
    if rules.weather is not None and carrier in HEATED:
        found = rules.weather.factor(years[0]), rules.weather.factor(years[1])
        if found[0] is not None and found[1] is not None:
            normal = found[0], found[1]
    return change(old.kwh.total, old_kg, new.kwh.total, new_kg, *normal)
