"""The figures of a report: which there are, and what each is made of. Pure."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import reduce

from analytics.carbon.factor import Gases
from analytics.carbon.view import Kind, Scope, View
from analytics.carbon.weather import HEATED
from analytics.reports.figure import ALL, CITY, Figure, FigureId, Measure
from analytics.reports.gaps import PeriodSum
from analytics.reports.period import Period
from analytics.reports.report import COUNTED, Entry, Row
from analytics.reports.rules import Rules
from metering.estate import Carrier, Estate

_Key = tuple[Carrier, Scope, Entry, date]
_ENTRIES: Mapping[Measure, tuple[Entry, ...]] = {
    Measure.GENERATION: (Entry.OWN_USE, Entry.FEED_IN),
    Measure.OWN_USE: (Entry.OWN_USE,),
    Measure.FEED_IN: (Entry.FEED_IN,),
    Measure.AVOIDED: (Entry.AVOIDED,),
    Measure.CHP_ENERGY: (Entry.CHP,),
    Measure.CHP_EMISSIONS: (Entry.CHP,),
    Measure.COST: (Entry.SUPPLY,),
    Measure.WATER: (Entry.SUPPLY,),
}
SHARES = (Measure.SELF_CONSUMPTION, Measure.SELF_SUFFICIENCY)
_KG = (Measure.EMISSIONS, Measure.AVOIDED, Measure.CHP_EMISSIONS)


class Sums:
    """A report's rows, added up by place once."""

    def __init__(self, estate: Estate, rows: Iterable[Row], rules: Rules, view: View, whole: str = CITY) -> None:
        self._estate = estate
        self._rules = rules
        self._view = view
        self._whole = whole
        self._of: defaultdict[str, dict[_Key, PeriodSum]] = defaultdict(dict)
        for row in rows:
            key = row.carrier, row.scope, row.entry, row.month
            own = (f"building:{row.building.id}", f"site:{row.building.site}", f"sector:{row.sector}")
            for place in {whole, *own}:
                sums = self._of[place]
                sums[key] = sums[key].plus(row.sum) if key in sums else row.sum

    @property
    def places(self) -> list[str]:
        """The whole first, then sectors, sites, buildings."""
        order = ("sector", "site", "building")
        rest = [place for place in self._of if place != self._whole]
        return [self._whole, *sorted(rest, key=lambda place: (order.index(place.partition(":")[0]), place))]

    def has(self, place: str, entry: Entry, carrier: str = ALL) -> bool:
        return any(key[2] is entry and carrier in (ALL, key[0]) for key in self._of[place])

    def biogenic(self, place: str) -> bool:
        return any(total.biogenic_kg for total in self._of[place].values())

    def carriers(self, place: str) -> list[Carrier]:
        return sorted({key[0] for key in self._of[place]})

    def scopes(self, place: str, carrier: Carrier | None = None) -> list[Scope]:
        return sorted({key[1] for key in self._of[place] if key[2] in COUNTED and carrier in (None, key[0])})

    def figure(self, asked: FigureId) -> Figure:
        """The figure, whatever is asked for."""
        if asked.measure in (Measure.ENERGY_PER_AREA, Measure.EMISSIONS_PER_AREA):
            return self._per_area(asked)
        if asked.measure is Measure.WEATHER_NORMALISED:
            return self._normalised(asked)
        if asked.measure in SHARES:
            return self._share(asked)
        chosen = [total for key, total in self._of[asked.place].items() if self._in(key, asked)]
        if asked.measure is Measure.COST:
            return self._cost(asked)
        if not chosen:
            return Figure(asked, None, self._unit(asked, ()))
        return self._figure(asked, reduce(PeriodSum.plus, chosen))

    def _in(self, key: _Key, asked: FigureId) -> bool:
        carrier, scope, entry, month = key
        return (
            entry in _ENTRIES.get(asked.measure, COUNTED)
            and (carrier is Carrier.WATER) is (asked.measure is Measure.WATER)
            and asked.carrier in (ALL, carrier)
            and self._scope_fits(carrier, scope, asked)
            and asked.period.start.replace(day=1) <= month < asked.period.end
        )

    def _scope_fits(self, carrier: Carrier, scope: Scope, asked: FigureId) -> bool:
        """Emissions add up over scopes; the same energy stands in several, and counts once."""
        if asked.measure in (Measure.EMISSIONS, Measure.BIOGENIC):
            return asked.scope in (ALL, scope)
        scopes = self._view.scopes_of(carrier)
        return scope == (scopes[0] if scopes else next(iter(self._view.scopes)))

    def _figure(self, asked: FigureId, total: PeriodSum) -> Figure:
        factors = tuple(factor.id for factor in total.factors) if asked.measure in _KG else ()
        unit = self._unit(asked, {factor.gases for factor in total.factors})
        share = total.coverage.completeness
        if asked.measure is Measure.BIOGENIC:
            return Figure(asked, total.biogenic_kg, unit, share, problems=total.problems)
        amount = total.kg if asked.measure in _KG else total.amount if asked.measure is Measure.WATER else total.kwh
        if amount is None:
            return Figure(asked, None, unit, share, factors=factors, problems=total.problems)
        spread = total.spread_kg if asked.measure in _KG else abs(amount.substituted) * self._rules.bands.substituted
        value = amount.total
        estimated = amount.substituted / value if value else Decimal(0)
        problems = total.problems if asked.measure in _KG else tuple(p for p in total.problems if p != "no_factor")
        return Figure(asked, value, unit, share, estimated, value - spread, value + spread, factors, problems)

    def _unit(self, asked: FigureId, gases: Iterable[Gases]) -> str:
        match asked.measure:
            case Measure.EMISSIONS | Measure.AVOIDED | Measure.CHP_EMISSIONS:
                return "kg CO2" if set(gases) == {Gases.CO2} else "kg CO2e"
            case Measure.BIOGENIC:
                return "kg CO2"
            case Measure.COST:
                return "EUR"
            case Measure.WATER:
                return "m³"
        return "kWh"

    def _other(self, asked: FigureId, measure: Measure) -> Figure:
        return self.figure(FigureId(asked.view, asked.period, measure, asked.place, asked.carrier, asked.scope))

    def _share(self, asked: FigureId) -> Figure:
        """Own use in the own generation, or in all the electricity that is used."""
        own = self._other(asked, Measure.OWN_USE)
        whole = self._other(asked, Measure.ENERGY)
        value = whole.value
        if asked.measure is Measure.SELF_CONSUMPTION:
            whole = self._other(asked, Measure.FEED_IN)  # none is fed in where no meter counts it
            value = None if own.value is None else own.value + (whole.value or Decimal(0))
        problems = tuple(dict.fromkeys((*own.problems, *whole.problems)))
        if own.value is None or not value:
            return Figure(asked, None, "%", own.completeness, problems=problems)
        return Figure(asked, own.value / value * 100, "%", own.completeness, problems=problems)

    def _per_area(self, asked: FigureId) -> Figure:
        energy = asked.measure is Measure.ENERGY_PER_AREA
        whole = self._other(asked, Measure.ENERGY if energy else Measure.EMISSIONS)
        building = self._estate.buildings[asked.place.removeprefix("building:")]
        unit = f"{whole.unit}/m²"
        if not building.floor_area_m2 or whole.value is None or whole.low is None or whole.high is None:
            return Figure(asked, None, unit, whole.completeness, problems=whole.problems)
        area = Decimal(str(building.floor_area_m2))
        per = (whole.value / area, unit, whole.completeness, whole.estimated_share, whole.low / area, whole.high / area)
        return Figure(asked, *per, whole.factors, whole.problems)

    def _normalised(self, asked: FigureId) -> Figure:
        raw = self._other(asked, Measure.ENERGY)
        year = asked.period.start.year
        factor = self._rules.weather.factor(year) if self._rules.weather else None
        if factor is None or raw.value is None or raw.low is None or raw.high is None:
            return Figure(asked, None, "kWh", raw.completeness, problems=raw.problems)
        value = (raw.value * factor, "kWh", raw.completeness, raw.estimated_share, raw.low * factor, raw.high * factor)
        return Figure(asked, *value, (), raw.problems)

    def _cost(self, asked: FigureId) -> Figure:
        value, spread, estimated = Decimal(0), Decimal(0), Decimal(0)
        chosen = []
        for key, total in self._of[asked.place].items():
            price = self._rules.prices.get(key[0])
            water = asked.carrier in (ALL, Carrier.WATER) and key[0] is Carrier.WATER
            if price is None or not ((water and key[2] is Entry.SUPPLY) or self._in(key, asked)):
                continue
            chosen.append(total)
            if total.amount is not None:
                value += total.amount.total * price
                estimated += total.amount.substituted * price
        if not chosen:
            return Figure(asked, None, "EUR")
        whole = reduce(PeriodSum.plus, chosen)
        spread = abs(estimated) * self._rules.bands.substituted
        share = estimated / value if value else Decimal(0)
        problems = tuple(p for p in whole.problems if p == "no_values")
        return Figure(
            asked, value, "EUR", whole.coverage.completeness, share, value - spread, value + spread, (), problems
        )


def figures(  # noqa: PLR0913, PLR0917
    estate: Estate, rows: Sequence[Row], period: Period, rules: Rules, view: View, place: str
) -> Iterator[Figure]:
    """All figures of a report, in its order: the whole, its months, then sectors, sites and buildings."""
    sums = Sums(estate, rows, rules, view, place)
    for one in sums.places:
        for asked in _asked(sums, one, period, rules, view):
            yield sums.figure(asked)
    for month in period.months if len(period.months) > 1 else []:  # a single month is the whole
        for measure in (Measure.ENERGY, Measure.EMISSIONS):
            for carrier in [ALL, *(c for c in sums.carriers(place) if c is not Carrier.WATER)]:
                yield sums.figure(FigureId(view.name, month, measure, place, carrier))


def _asked(sums: Sums, place: str, period: Period, rules: Rules, view: View) -> Iterator[FigureId]:
    def asked(measure: Measure, carrier: str = ALL, scope: str = ALL) -> FigureId:
        return FigureId(view.name, period, measure, place, carrier, scope)

    carriers = [carrier for carrier in sums.carriers(place) if carrier is not Carrier.WATER]
    scopes = sums.scopes(place)
    yield asked(Measure.ENERGY)
    yield asked(Measure.EMISSIONS)
    yield from (asked(Measure.EMISSIONS, scope=scope) for scope in scopes if len(scopes) > 1)
    for carrier in carriers:
        yield asked(Measure.ENERGY, carrier)
        yield asked(Measure.EMISSIONS, carrier)
        own = sums.scopes(place, carrier)
        yield from (asked(Measure.EMISSIONS, carrier, scope) for scope in own if len(scopes) > 1)
    yield from _beside(sums, place, carriers, asked)
    if Carrier.WATER in sums.carriers(place):
        yield asked(Measure.WATER, Carrier.WATER)
    if rules.prices:
        yield asked(Measure.COST)
    if sums.biogenic(place):
        yield asked(Measure.BIOGENIC)
    if place.startswith("building:"):
        yield from (
            asked(measure, carrier)
            for carrier in [ALL, *carriers]
            for measure in (Measure.ENERGY_PER_AREA, Measure.EMISSIONS_PER_AREA)
        )
        if view.kind is not Kind.TERRITORIAL and rules.weather and _whole_year(period):
            yield from (asked(Measure.WEATHER_NORMALISED, carrier) for carrier in carriers if carrier in HEATED)


def _beside(
    sums: Sums, place: str, carriers: Iterable[Carrier], asked: Callable[[Measure, str], FigureId]
) -> Iterator[FigureId]:
    """Own generation."""
    for entry, measure in (
        (Entry.OWN_USE, Measure.OWN_USE),
        (Entry.FEED_IN, Measure.FEED_IN),
        (Entry.AVOIDED, Measure.AVOIDED),
    ):
        if sums.has(place, entry):
            yield asked(measure, ALL)
    if sums.has(place, Entry.OWN_USE) and not sums.has(place, Entry.CHP, Carrier.ELECTRICITY):
        yield from (asked(measure, Carrier.ELECTRICITY) for measure in (Measure.GENERATION, *SHARES))
    for carrier in (ALL, *carriers):
        if sums.has(place, Entry.CHP, carrier):
            yield asked(Measure.CHP_ENERGY, carrier)
            yield asked(Measure.CHP_EMISSIONS, carrier)


def _whole_year(period: Period) -> bool:
    return period == Period.parse(f"{period.start.year}")
