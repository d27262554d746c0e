"""Purchased electricity by the intensity of each hour, beside the annual factor; it is in none of a report's sums."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import chain

import numpy as np

from analytics.carbon.factor import Factor
from analytics.carbon.factors import FactorSet
from analytics.carbon.hourly import Matched, matched
from analytics.carbon.mix import Intensity, Mix, intensity, read_mix
from analytics.carbon.view import View
from analytics.energy.gaps import with_gaps
from analytics.reports.period import Period
from analytics.reports.rules import Rules
from metering.estate import Carrier, Meter, Role
from metering.instant import Window
from metering.reading import Series
from metering.samples import Samples
from storage.protocol import Store

TECHNOLOGIES = "electricity-maps-2026"
"""Edition of the factors per technology."""
_AT_ONCE = 50  # meters whose values are in memory at the same time


@dataclass(frozen=True, slots=True)
class Hourly:
    """One calendar year, or the part of it that the report has.

    factor                         the annual factor
    of_year                        0..1, the share of the year that the mix is known of
    source, attribution, licence   of the mix, to be named
    """

    year: int
    matched: Matched
    factor: Factor
    of_year: float
    source: str
    attribution: str
    licence: str


async def hourly(store: Store, meters: Sequence[Meter], period: Period, rules: Rules, view: View) -> tuple[Hourly, ...]:
    """By the first of the mixes that says anything about a year; nothing without one, or without an annual factor.

    Raises ValueError for a file that is no mix, OSError for one that cannot be read.
    """
    chosen = [meter.id for meter in meters if meter.carrier is Carrier.ELECTRICITY and meter.role is Role.SUPPLY]
    scopes = view.scopes_of(Carrier.ELECTRICITY)
    if not (rules.mixes and chosen and scopes):
        return ()
    mixes = await asyncio.to_thread(lambda: [read_mix(path) for path in rules.mixes])
    found = []
    for part in _years(period):
        year = part.start.year
        whole = Period.year(year).window(rules.calendar)
        mix = next((own for one in mixes if len((own := one.within(whole)).start_us)), None)
        try:
            factor = view.scopes[scopes[0]].factor(Carrier.ELECTRICITY, part.start)
        except LookupError:
            continue
        if mix is not None:
            by_hour = _intensity(mix, factor, rules)
            total = await matched_energy(store, chosen, part.window(rules.calendar), by_hour)
            found.append(Hourly(year, total, factor, by_hour.of_year, mix.source, mix.attribution, mix.licence))
    return tuple(found)


def _intensity(mix: Mix, factor: Factor, rules: Rules) -> Intensity:
    return intensity(mix, FactorSet.load(TECHNOLOGIES, rules.shelf), float(factor.g_per_kwh))


def _years(period: Period) -> Iterator[Period]:
    years = range(period.start.year, period.months[-1].start.year + 1)
    yield from period.split(Period.year(year).start for year in years)


async def matched_energy(store: Store, meters: Sequence[str], window: Window, by_hour: Intensity) -> Matched:
    """What some meters consumed, by id, hour by hour with its intensity; what registers counted over gaps is in it."""
    parts = []
    for first in range(0, len(meters), _AT_ONCE):
        some = [stored(meter) for meter in meters[first : first + _AT_ONCE]]
        samples = await store.samples(list(chain.from_iterable(some)), window)
        pairs = [(samples[consumption], samples[bridged]) for consumption, bridged in some]
        parts.append(await asyncio.to_thread(_of, pairs, by_hour))
    return reduce(Matched.plus, parts)


def stored(meter: str) -> tuple[Series, Series]:
    """The series of what is known of a meter's intervals, as `with_gaps` takes them."""
    return Series(meter, "consumption"), Series(meter, "gap_consumption")


def _of(stored: Iterable[tuple[Samples, Samples]], by_hour: Intensity) -> Matched:
    some = [with_gaps(*pair) for pair in stored]
    values = np.concatenate([one.values for one in some])
    known = np.isfinite(values)
    return matched(np.concatenate([one.times_us for one in some])[known], values[known], by_hour)
