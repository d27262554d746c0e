"""From sums of meters and months to the rows of a report. Pure."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from functools import reduce
from importlib.metadata import version

from analytics.carbon.conformity import Conformity, Grade, assess
from analytics.carbon.emissions import Problem
from analytics.carbon.energy import Energy, emissions_kg
from analytics.carbon.exact import exact
from analytics.carbon.factor import Factor
from analytics.carbon.factors import FactorSet
from analytics.carbon.plant import Plant
from analytics.carbon.view import Kind, Scope, View
from analytics.reports.certified import Shares
from analytics.reports.changes import changes
from analytics.reports.figures import figures
from analytics.reports.gaps import PeriodSum
from analytics.reports.meter_sum import MeterSum
from analytics.reports.period import Period
from analytics.reports.report import COUNTED, Cogeneration, Entry, Method, Report, Row
from analytics.reports.rules import Rules
from metering.estate import Carrier, Estate, Meter, Role
from metering.instant import MINUTE

_ENTRIES = {Role.SUPPLY: Entry.SUPPLY, Role.FEED_IN: Entry.FEED_IN, Role.GENERATION: Entry.OWN_USE}


def balanced(estate: Estate, place: str, rules: Rules) -> list[Meter]:
    """The meters at a place that are in a report, submeters apart. Raises LookupError for an unknown place."""
    at = _at(estate, place, rules)
    return [m for m in estate.meters.values() if at(m) and (m.role is not Role.SUBMETER or place == f"meter:{m.id}")]


def _at(estate: Estate, place: str, rules: Rules) -> Callable[[Meter], bool]:
    kind, _, name = place.partition(":")
    match kind:
        case "city" if not name:
            return lambda _: True
        case "site" if name in estate.sites:
            return lambda meter: estate.buildings[meter.building].site == name
        case "building" if name in estate.buildings:
            return lambda meter: meter.building == name
        case "meter" if name in estate.meters:
            return lambda meter: meter.id == name
        case "sector" if name in {rules.sector(building) for building in estate.buildings}:
            return lambda meter: rules.sector(meter.building) == name
    raise LookupError(
        f"no place {place!r}; say city, site:…, building:…, meter:… or sector:… with an id of the settings"
    )


def assemble(  # noqa: PLR0913, PLR0917
    estate: Estate,
    period: Period,
    rules: Rules,
    view: View,
    place: str,
    now: Sequence[MeterSum],
    before: Sequence[MeterSum] | None = None,
    *,
    shares: Shares | None = None,
) -> Report:
    """The report from the sums of all meters at the place; ``before`` are those of the year before, to compare.

    ``shares`` are what certificates cover of purchased electricity, for the method annex.
    """
    with exact():
        found = rows(estate, now, rules, view)
        return Report(
            view=view,
            period=period,
            place=place,
            rows=found,
            figures=tuple(figures(estate, found, period, rules, view, place)),
            method=_method(rules, period, shares or {}, _plants(found, period, rules, view)),
            changes=() if before is None else tuple(changes(period, rules, view, place, now, before)),
            conformity=_conformity(found, rules, view) if view.kind in (Kind.TERRITORIAL, Kind.MIXED) else None,
        )


def rows(estate: Estate, sums: Iterable[MeterSum], rules: Rules, view: View) -> tuple[Row, ...]:
    """Sorted by building, carrier, scope, entry and month."""
    groups: defaultdict[tuple[str, Carrier, Scope, Entry, date], list[MeterSum]] = defaultdict(list)
    for part in sums:
        entry = _entry(part.meter, rules)
        if entry is not None:
            groups[part.meter.building, part.meter.carrier, part.scope, entry, part.month].append(part)
    made = [
        (key, [part.meter.id for part in parts], reduce(PeriodSum.plus, (part.sum for part in parts)))
        for key, parts in groups.items()
        if key[3] is not Entry.OWN_USE
    ]
    for key, parts in groups.items():
        if key[3] is Entry.OWN_USE and key[1] is Carrier.ELECTRICITY:
            fed_in = groups.get((*key[:3], Entry.FEED_IN, key[4]), [])
            for plant in dict.fromkeys(rules.plants.of(part.meter.id) for part in parts):
                made_by = [part for part in parts if rules.plants.of(part.meter.id) is plant]
                out = [part for part in fed_in if rules.plants.of(part.meter.id) is plant]
                if plant is None:
                    made += _generation(key, made_by, out, rules, view)
                else:
                    made.append(_cogeneration(key, made_by, out, plant, rules, view))
    return tuple(
        Row(estate.buildings[building], rules.sector(building), carrier, scope, entry, month, tuple(sorted(ids)), total)
        for (building, carrier, scope, entry, month), ids, total in sorted(made, key=lambda one: one[0])
    )


def _generation(
    key: tuple[str, Carrier, Scope, Entry, date],
    generated: Sequence[MeterSum],
    fed_in: Sequence[MeterSum],
    rules: Rules,
    view: View,
) -> Iterator[tuple[tuple[str, Carrier, Scope, Entry, date], list[str], PeriodSum]]:
    """What of the generation was used on site, in each scope it stands in, and what all of it avoids elsewhere."""
    building, carrier, _, _, month = key
    whole = reduce(PeriodSum.plus, (part.sum for part in generated))
    ids = [part.meter.id for part in generated]
    out = reduce(PeriodSum.plus, (part.sum for part in fed_in)) if fed_in else None
    for scope in view.scopes_of("pv"):
        used = _own_use(whole, out, month, view.scopes[scope], rules)
        yield (building, carrier, scope, Entry.OWN_USE, month), [*ids, *(part.meter.id for part in fed_in)], used
    if view.kind is not Kind.PROOF:
        try:
            avoided = FactorSet.load(rules.avoided, rules.shelf).factor("pv_avoided", month)
        except LookupError:
            total = PeriodSum(whole.kwh, None, whole.coverage, (), (*whole.problems, Problem.NO_FACTOR))
        else:
            kg = whole.kwh.times(emissions_kg(Energy(Decimal(1)), avoided)) if whole.kwh else None
            spread = rules.bands.spread(kg, avoided) if kg else Decimal(0)
            total = PeriodSum(whole.kwh, kg, whole.coverage, (avoided,), whole.problems, spread)
        yield (building, carrier, key[2], Entry.AVOIDED, month), ids, total


def _cogeneration(  # noqa: PLR0913, PLR0917
    key: tuple[str, Carrier, Scope, Entry, date],
    generated: Sequence[MeterSum],
    fed_in: Sequence[MeterSum],
    plant: Plant,
    rules: Rules,
    view: View,
) -> tuple[tuple[str, Carrier, Scope, Entry, date], list[str], PeriodSum]:
    """A plant's electricity at its factor: all of it beside the fuel if that counts, else what was used here."""
    building, carrier, scope, _, month = key
    meters = [part.meter.id for part in generated]
    whole = reduce(PeriodSum.plus, (part.sum for part in generated))
    out = None
    if not plant.fuel_meters and fed_in:
        out = reduce(PeriodSum.plus, (part.sum for part in fed_in))
        meters += [part.meter.id for part in fed_in]
    try:
        factor = plant.factor(carrier, month, view)
    except LookupError:
        factor = None
    entry = Entry.CHP if plant.fuel_meters else Entry.OWN_USE
    scopes = view.scopes_of(carrier)
    return (building, carrier, scopes[0] if scopes else scope, entry, month), meters, _used(whole, out, factor, rules)


def _own_use(generated: PeriodSum, fed_in: PeriodSum | None, month: date, own: FactorSet, rules: Rules) -> PeriodSum:
    try:
        factor = own.factor("pv", month)
    except LookupError:
        factor = None
    return _used(generated, fed_in, factor, rules)


def _used(generated: PeriodSum, fed_in: PeriodSum | None, factor: Factor | None, rules: Rules) -> PeriodSum:
    coverage, problems = generated.coverage, generated.problems
    kwh = generated.kwh
    if fed_in is not None:
        coverage, problems = coverage.plus(fed_in.coverage), tuple(dict.fromkeys((*problems, *fed_in.problems)))
        kwh = kwh.plus(fed_in.kwh.times(Decimal(-1))) if kwh and fed_in.kwh else None
    if kwh is None:
        return PeriodSum(None, None, coverage, (), problems)
    if kwh.total < 0:
        return PeriodSum(None, None, coverage, (), (*problems, Problem.FEED_IN_EXCEEDS))
    if factor is None:
        return PeriodSum(kwh, None, coverage, (), (*problems, Problem.NO_FACTOR))
    kg = kwh.times(emissions_kg(Energy(Decimal(1)), factor))
    return PeriodSum(kwh, kg, coverage, (factor,), problems, rules.bands.spread(kg, factor))


def _entry(meter: Meter, rules: Rules) -> Entry | None:
    if rules.supplies(meter):
        return Entry.SUPPLY
    if meter.carrier is Carrier.HEAT and rules.plants.of(meter.id) is not None:
        return Entry.CHP
    return _ENTRIES.get(meter.role)


def _plants(found: Sequence[Row], period: Period, rules: Rules, view: View) -> Iterator[Cogeneration]:
    """Those that have meters in the rows."""
    here = {meter for row in found for meter in row.meters}
    for plant in rules.plants:
        if not here & {*plant.electricity, *plant.heat}:
            continue
        try:
            by = tuple(plant.compared(period.start, view))
        except LookupError:  # its rows say so
            continue
        loss = plant.losses_kwh / plant.heat_kwh
        yield Cogeneration(plant.id, plant.source, plant.method, loss, plant.saving, by)


def _method(rules: Rules, period: Period, shares: Shares, plants: Iterable[Cogeneration]) -> Method:
    used = rules.gas.within(period.start, period.end) if rules.gas else ()
    weather = f"{rules.weather.method}, {rules.weather.source}" if rules.weather else None
    return Method(
        version=version("leitwarte"),
        timezone=rules.calendar.zone.key,
        step_minutes=rules.step_us // MINUTE,
        gas=tuple((p.start, p.end, p.state_number, p.calorific_value, p.source, p.area) for p in used),
        band={
            "provisional": rules.bands.provisional,
            "stand_in": rules.bands.stand_in,
            "substituted": rules.bands.substituted,
        },
        weather=weather,
        certificates=tuple(
            (one.id, year, one.kwh, share, one.source) for year in sorted(shares) for one, share in shares[year].items()
        ),
        plants=tuple(plants),
    )


def _conformity(found: Sequence[Row], rules: Rules, view: View) -> Conformity:
    counted = [row for row in found if row.entry in COUNTED and row.carrier is not Carrier.WATER]
    amounts = []
    for row in counted:
        if row.sum.kwh is not None:
            amounts += [(row.sum.kwh.measured, Grade.A), (row.sum.kwh.substituted, Grade.B)]
    return assess(
        view=view.name,
        own_factors=view.chosen,
        weather_corrected=False,
        whole_municipality=rules.municipality,
        carriers={row.carrier.value for row in counted if row.sum.kwh is not None},
        missing=[problem.value for row in counted for problem in row.sum.problems],
        amounts=amounts,
    )
