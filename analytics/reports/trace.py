"""The way down from a figure: to smaller figures, to a meter's quarter-hours, its register readings and the factor."""

from dataclasses import dataclass, replace
from importlib.metadata import version

from analytics.carbon.energy import GasPeriod
from analytics.carbon.factor import Factor
from analytics.energy.gaps import with_gaps
from analytics.reports.assemble import balanced
from analytics.reports.collect import collect
from analytics.reports.figure import ALL, Figure, FigureId, Measure
from analytics.reports.figures import SHARES, Sums
from analytics.reports.period import Period
from analytics.reports.rules import Rules
from metering.estate import Carrier, Estate, Meter, Role
from metering.event import Event
from metering.instant import DAY, Window
from metering.reading import Series
from metering.samples import Samples
from storage.protocol import Store

_MEASURES = {Role.FEED_IN: Measure.FEED_IN, Role.GENERATION: Measure.GENERATION}
"""What of a meter is shown below a total of energy or emissions."""


@dataclass(frozen=True, slots=True)
class Trace:
    """A figure and the next step below it.

    parts      figures of which this one is made: buildings of a place, meters of a building, months of a meter, days
    meter      the meter, where the figure is of one
    intervals  consumption of each interval of a meter's day, in its billing unit
    readings   register readings of that day, and the last before and the first after it within a day
    exchanges  of that meter on that day, as events
    gas        by what the meter's m³ became kWh in the period
    factors    with document, page and URL
    version    of the program
    """

    figure: Figure
    parts: tuple[Figure, ...]
    meter: Meter | None
    intervals: Samples
    readings: Samples
    exchanges: tuple[Event, ...]
    gas: tuple[GasPeriod, ...]
    factors: tuple[Factor, ...]
    version: str


async def trace(store: Store, estate: Estate, asked: FigureId, rules: Rules) -> Trace:
    """The figure as the store tells it now, and what it stands on.

    Raises LookupError for an unknown view or place, StoreUnavailable and StoreRefused as the store does.
    """
    view = rules.view(asked.view) if asked.view != rules.factors.name else rules.view()
    report = await collect(store, estate, asked.period, rules, view, asked.place)
    sums = Sums(estate, report.rows, rules, view, asked.place)
    kind, _, name = asked.place.partition(":")
    intervals = readings = Samples.empty()
    exchanges: tuple[Event, ...] = ()
    meter = estate.meters[name] if kind == "meter" else None
    if meter is None and kind == "building":
        meters = [m for m in balanced(estate, asked.place, rules) if asked.carrier in (ALL, m.carrier)]
        below = [await _figure(store, estate, _of_meter(asked, m), rules) for m in meters]
    elif meter is None:
        below = [sums.figure(replace(asked, place=place)) for place in sums.places if place.startswith("building:")]
    else:
        below = [await _figure(store, estate, replace(asked, period=part), rules) for part in _parts(asked.period)]
        if not below:
            window = asked.period.window(rules.calendar)
            intervals, readings = await _evidence(store, meter, window)
            exchanges = tuple(e for e in await store.events(window) if (e.kind, e.subject) == ("exchange", meter.id))
    figure = sums.figure(asked)
    used = tuple(factor for factor in report.factors if factor.id in figure.factors)
    gas: tuple[GasPeriod, ...] = ()
    if meter is not None and meter.carrier is Carrier.GAS and rules.gas is not None:
        gas = rules.gas.within(asked.period.start, asked.period.end, meter.gas_area or "")
    return Trace(figure, tuple(below), meter, intervals, readings, exchanges, gas, used, version("leitwarte"))


async def _figure(store: Store, estate: Estate, asked: FigureId, rules: Rules) -> Figure:
    view = rules.view(asked.view) if asked.view != rules.factors.name else rules.view()
    report = await collect(store, estate, asked.period, rules, view, asked.place)
    return Sums(estate, report.rows, rules, view, asked.place).figure(asked)


def _of_meter(asked: FigureId, meter: Meter) -> FigureId:
    measure = _MEASURES.get(meter.role, Measure.ENERGY if asked.measure in SHARES else asked.measure)
    return replace(asked, place=f"meter:{meter.id}", measure=measure)


def _parts(period: Period) -> list[Period]:
    """Months of what is longer than one, days of what is longer than one; nothing of a day."""
    months = period.months
    if len(months) > 1:
        return months
    return period.days if len(period.days) > 1 else []


async def _evidence(store: Store, meter: Meter, window: Window) -> tuple[Samples, Samples]:
    """Intervals in the window, and the register readings from the last before it to the first after it."""
    results = Series(meter.id, "consumption"), Series(meter.id, "gap_consumption")
    stored = await store.samples(results, window)
    intervals = with_gaps(*(stored[series] for series in results))
    if meter.formula is not None:
        return intervals, Samples.empty()
    around = Window(window.start_us - DAY, window.end_us + DAY)
    found = (await store.samples([meter.series], around))[meter.series]
    first = max(int(found.times_us.searchsorted(window.start_us, "right")) - 1, 0)
    last = int(found.times_us.searchsorted(window.end_us, "left")) + 1
    part = slice(first, last)
    return intervals, Samples(found.times_us[part], found.values[part], found.qualities[part])
