"""Own generation by the hour: what it covered of the load of its building at the time; it is in none of the sums."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import chain

import numpy as np

from analytics.carbon.matching import Match, match
from analytics.energy.gaps import with_gaps
from analytics.reports.hourly import stored
from analytics.reports.period import Period
from analytics.reports.rules import Rules
from metering.estate import Building, Carrier, Estate, Meter, Role
from metering.instant import HOUR, Window
from metering.reading import Series
from metering.samples import Floats, Samples
from storage.protocol import Store

_SIGNS = {Role.SUPPLY: 1.0, Role.GENERATION: 1.0, Role.FEED_IN: -1.0}
"""How a meter's energy enters the load of its building."""


@dataclass(frozen=True, slots=True)
class Matching:
    """One building with photovoltaics."""

    building: Building
    match: Match


async def matching(
    store: Store, estate: Estate, meters: Iterable[Meter], period: Period, rules: Rules
) -> tuple[Matching, ...]:
    """Of each building whose supply and photovoltaics are among the meters, by its id; plants are not carbon-free."""
    found = []
    electric = [m for m in meters if m.carrier is Carrier.ELECTRICITY and m.role in _SIGNS]
    window = period.window(rules.calendar)
    for building in sorted({meter.building for meter in electric}):
        own = [meter for meter in electric if meter.building == building]
        solar = [meter for meter in own if meter.role is Role.GENERATION and rules.plants.of(meter.id) is None]
        if not solar or not any(meter.role is Role.SUPPLY for meter in own):
            continue
        samples = await store.samples(list(chain.from_iterable(stored(meter.id) for meter in own)), window)
        made = await asyncio.to_thread(_match, own, solar, samples, window, rules.step_us)
        found.append(Matching(estate.buildings[building], made))
    return tuple(found)


def total(found: Sequence[Matching]) -> Match:
    """Of at least one."""
    return reduce(Match.plus, (one.match for one in found))


def _match(
    own: Sequence[Meter], solar: Sequence[Meter], samples: Mapping[Series, Samples], window: Window, step_us: int
) -> Match:
    hours = {meter.id: _hours(meter, samples, window, step_us) for meter in own}
    load = sum((_SIGNS[meter.role] * hours[meter.id] for meter in own), np.zeros(1))
    return match(np.maximum(load, 0.0), sum((hours[meter.id] for meter in solar), np.zeros(1)))


def _hours(meter: Meter, samples: Mapping[Series, Samples], window: Window, step_us: int) -> Floats:
    """Energy of each hour of the window, kWh; NaN where a part of the hour is unknown."""
    consumption, bridged = (samples[series] for series in stored(meter.id))
    known = with_gaps(consumption, bridged)
    wide = max(HOUR, step_us)
    count = -(-window.duration_us // wide)
    at = (known.times_us - window.start_us) // wide
    sums = np.bincount(at, known.values, count).astype(np.float64)
    sums[np.bincount(at, np.isfinite(known.values), count) < wide // step_us] = np.nan
    return sums
