"""Reads stored interval results and sums them up, month by month (the only module here with I/O)."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import islice

import numpy as np

from analytics.carbon.emissions import Coverage, DayFigure, Split, daily, tally
from analytics.carbon.exact import exact
from analytics.carbon.view import View
from analytics.energy.gaps import with_gaps
from analytics.energy.intervals import MICRO, Intervals
from analytics.reports.assemble import assemble, balanced
from analytics.reports.certified import covered, purchased, shares_of, years
from analytics.reports.meter_sum import MeterSum
from analytics.reports.period import Period
from analytics.reports.report import Report
from analytics.reports.rules import Rules
from metering.estate import Estate, Meter
from metering.instant import DAY, Window
from metering.quality import Quality
from metering.reading import Series
from metering.samples import Floats, Qualities, Samples
from storage.protocol import Aggregate, Store

_AT_ONCE = 250  # meters whose values of a month are in memory at the same time
_RESULTS = ("consumption", "completeness")
_INTERVALS = (*_RESULTS, "gap_consumption")

Amount = tuple[Split, Coverage]

__all__ = ["Rules", "collect", "daily_figures", "meter_sums", "on_grid"]


async def collect(  # noqa: PLR0913, PLR0917
    store: Store,
    estate: Estate,
    period: Period,
    rules: Rules,
    view: View | None = None,
    place: str = "city",
    *,
    compare: bool = False,
) -> Report:
    """The report of a period from the stored ``consumption`` and ``completeness`` of the meters at a place.

    view     what to balance by; the live factors if left out
    compare  also against the same period a year before

    Days of which nothing is stored are in it, as unknown. Raises LookupError for an unknown place, StoreUnavailable and
    StoreRefused as the store does.
    """
    view = view or rules.view()
    meters = balanced(estate, place, rules)
    periods = [period, period.previous] if compare else [period]
    shares = {
        year: shares_of(
            rules, year, [part async for part in meter_sums(store, purchased(estate), Period.year(year), rules, view)]
        )
        for year in years(rules, view, (month.start.year for one in periods for month in one.months))
    }
    sums = [
        [covered(part, shares, rules) async for part in meter_sums(store, meters, one, rules, view)] for one in periods
    ]
    return await asyncio.to_thread(assemble, estate, period, rules, view, place, *sums, shares=shares)


async def meter_sums(
    store: Store, meters: Sequence[Meter], period: Period, rules: Rules, view: View
) -> AsyncIterator[MeterSum]:
    """The sums of each meter, scope and local month.

    What was measured without a gap the store adds up itself; only months with gaps are looked at interval by interval,
    a month of some meters at a time.
    """
    bounds = view.bounds([*{meter.carrier.value for meter in meters}, "pv", *rules.plants.fuels]) | _gas_bounds(rules)
    months = [(month, month.whole_month.split(bounds | {month.start, month.end})) for month in period.months]
    windows = [part.window(rules.calendar) for _, parts in months for part in parts]
    groups = {f"{name} {meter.id}": [Series(meter.id, name)] for meter in meters for name in _RESULTS}
    totals = await store.totals(groups, windows) if meters else {}
    at = 0
    for month, parts in months:
        here = range(at, at + len(parts))
        amounts = {
            meter.id: [_whole(totals, meter, n, windows[n].duration_us // rules.step_us) for n in here]
            for meter in meters
        }
        for name in await _replaced(store, [name for name, found in amounts.items() if any(found)], month, rules):
            amounts[name] = [None] * len(parts)
        remaining = iter([meter for meter in meters if None in amounts[meter.id]])
        while some := list(islice(remaining, _AT_ONCE)):
            wanted = [Series(meter.id, name) for meter in some for name in _INTERVALS]
            for n in range(len(parts)):
                found = await store.samples(wanted, windows[at + n])
                made = await asyncio.to_thread(_looked_at, some, found, windows[at + n], rules.step_us)
                for name, amount in made.items():
                    amounts[name][n] = amount
        at += len(parts)
        for one in await asyncio.to_thread(_month, meters, month, parts, amounts, rules, view):
            yield one


async def _replaced(store: Store, meters: Sequence[str], month: Period, rules: Rules) -> set[str]:
    """Those of the meters that have values in the month which were not measured, however complete they are."""
    wanted = [Series(meter, "consumption") for meter in meters]
    window = month.whole_month.window(rules.calendar)
    counted = await store.aggregate(wanted, window, DAY, Aggregate.COUNT) if wanted else {}
    return {series.device for series, days in counted.items() if (days.qualities != Quality.MEASURED).any()}


def _whole(totals: Mapping[str, Floats], meter: Meter, at: int, steps: int) -> Amount | None:
    """The amount of a stretch that was measured without a gap; None if it was not, or its sum may not be exact.

    Amounts are whole millionths. A float sum of n of them is off by n·2⁻⁵³·Σ at most: below half a millionth, rounding
    it gives the exact sum, in whatever order the store added.
    """
    total, completeness = (float(totals[f"{name} {meter.id}"][at]) for name in _RESULTS)
    if completeness != steps or steps * abs(total) * 2.0**-53 > 0.25 / MICRO:
        return None
    return Split(Decimal(round(total * MICRO)) / MICRO, Decimal(0)), Coverage(steps, Decimal(steps), Decimal(0))


def _looked_at(
    meters: Sequence[Meter], found: Mapping[Series, Samples], window: Window, step_us: int
) -> dict[str, Amount]:
    made = {}
    for meter in meters:
        consumption, completeness, bridged = (found[Series(meter.id, name)] for name in _INTERVALS)
        values = _stored(with_gaps(consumption, bridged), completeness, window, step_us)
        made[meter.id] = tally(*values, window.duration_us // step_us)
    return made


def _month(  # noqa: PLR0913, PLR0917
    meters: Sequence[Meter],
    asked: Period,
    parts: Sequence[Period],
    amounts: Mapping[str, Sequence[Amount | None]],
    rules: Rules,
    view: View,
) -> list[MeterSum]:
    made: list[MeterSum] = []
    with exact():
        for meter in meters:
            known = [(part, amount) for part, amount in zip(parts, amounts[meter.id], strict=True) if amount]
            made += MeterSum.of(meter, parts[0].start, known, asked, rules, view)
    return made


def _stored(
    consumption: Samples, completeness: Samples, window: Window, step_us: int
) -> tuple[Floats, Floats, Qualities]:
    """Values, completeness and qualities of the stored intervals; one without completeness counts as whole."""
    values, qualities, times = consumption.values, consumption.qualities, consumption.times_us
    on = (times - window.start_us) % step_us == 0
    if not on.all():
        values, qualities, times = values[on], qualities[on], times[on]
    if np.array_equal(times, completeness.times_us):
        return values, completeness.values, qualities
    shares = np.ones(len(times))
    if len(completeness):
        at = np.minimum(np.searchsorted(completeness.times_us, times), len(completeness) - 1)
        same = completeness.times_us[at] == times
        shares[same] = completeness.values[at[same]]
    return values, shares, qualities


def _gas_bounds(rules: Rules) -> set[date]:
    periods = rules.gas.periods if rules.gas else ()
    return {day for period in periods for day in (period.start, period.end) if day is not None}


async def daily_figures(
    store: Store, meters: Iterable[Meter], period: Period, rules: Rules
) -> AsyncIterator[list[DayFigure]]:
    """The figures of each local day of the period, meter by meter, without holding more than one meter's values."""
    window = period.window(rules.calendar)
    for meter in meters:
        wanted = [Series(meter.id, name) for name in _INTERVALS]
        found = await store.samples(wanted, window)
        yield await asyncio.to_thread(_figures, meter, window, [found[series] for series in wanted], rules)


def _figures(meter: Meter, window: Window, stored: Sequence[Samples], rules: Rules) -> list[DayFigure]:
    intervals = on_grid(stored, window, rules.step_us).filled()
    return daily(meter, intervals, rules.factors, rules.calendar, gas=rules.gas)


def on_grid(stored: Sequence[Samples], window: Window, step_us: int) -> Intervals:
    """Stored results (consumption, completeness, gap_consumption) as consecutive intervals over the whole window.

    Where nothing is stored, nothing is known.

    Results stored for other interval bounds (after a change of the step, say) are left out, and those taken back.
    A result whose completeness is not stored counts as wholly measured.
    """
    consumption, completeness, bridged = stored
    starts = np.arange(window.start_us, window.end_us, step_us, dtype=np.int64)
    values, shares, gaps = (np.full(len(starts), np.nan) for _ in stored)
    qualities = np.full(len(starts), Quality.SUSPECT, np.int8)
    trusted = consumption.trusted()
    where, on = _slots(trusted, window, step_us)
    values[where], qualities[where] = trusted.values[on], trusted.qualities[on]
    where, on = _slots(completeness, window, step_us)
    shares[where] = completeness.values[on]
    trusted = bridged.trusted()
    where, on = _slots(trusted, window, step_us)
    gaps[where] = trusted.values[on]
    known = np.isfinite(values)
    shares = np.where(np.isfinite(shares), shares, known.astype(np.float64))
    return Intervals(starts, step_us, values, shares, qualities, gaps)


def _slots(samples: Samples, window: Window, step_us: int) -> tuple[np.ndarray, np.ndarray]:
    """Which grid interval each sample belongs to, and which samples lie on the grid."""
    since = samples.times_us - window.start_us
    on = since % step_us == 0
    return since[on] // step_us, on
