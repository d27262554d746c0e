"""Reads stored interval results and makes a report of them."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

import numpy as np

from analytics.carbon.emissions import DayFigure, daily
from analytics.carbon.energy import GasQuality
from analytics.carbon.factors import FactorSet
from analytics.energy.intervals import Intervals
from analytics.reports.period import Period
from analytics.reports.report import Report, reported, rows
from metering.estate import Estate, Meter
from metering.instant import QUARTER_HOUR, Window
from metering.localtime import LocalCalendar
from metering.quality import Quality
from metering.reading import Series
from metering.samples import Samples
from storage.protocol import Store


@dataclass(frozen=True, slots=True)
class Rules:
    """By which rules energy becomes emissions. ``step_us`` is the length of the stored intervals."""

    factors: FactorSet
    calendar: LocalCalendar
    gas: GasQuality | None = None
    step_us: int = QUARTER_HOUR


async def collect(store: Store, estate: Estate, period: Period, rules: Rules) -> Report:
    """The report of a period from the stored ``consumption`` and ``completeness`` of the supply meters.

    Days of which nothing is stored are in it, as unknown. Raises StoreUnavailable and StoreRefused as the store does.
    """
    figures = [figure async for part in daily_figures(store, reported(estate), period, rules) for figure in part]
    sums = await asyncio.to_thread(rows, estate, figures)
    return Report(period.start, period.end, rules.calendar.zone.key, rules.factors, sums)


async def daily_figures(
    store: Store, meters: Iterable[Meter], period: Period, rules: Rules
) -> AsyncIterator[list[DayFigure]]:
    """The figures of each local day of the period, meter by meter, without holding more than one meter's values."""
    window = period.window(rules.calendar)
    for meter in meters:
        wanted = consumption, completeness = Series(meter.id, "consumption"), Series(meter.id, "completeness")
        found = await store.samples(wanted, window)
        yield await asyncio.to_thread(_figures, meter, window, (found[consumption], found[completeness]), rules)


def _figures(meter: Meter, window: Window, stored: tuple[Samples, Samples], rules: Rules) -> list[DayFigure]:
    intervals = on_grid(*stored, window, rules.step_us)
    return daily(meter, intervals, rules.factors, rules.calendar, gas=rules.gas)


def on_grid(consumption: Samples, completeness: Samples, window: Window, step_us: int) -> Intervals:
    """Stored results as consecutive intervals over the whole window; where nothing is stored, nothing is known.

    Results stored for other interval bounds (after a change of the step, say) are left out.
    A result whose completeness is not stored counts as wholly measured.
    """
    starts = np.arange(window.start_us, window.end_us, step_us, dtype=np.int64)
    values = np.full(len(starts), np.nan)
    shares = np.full(len(starts), np.nan)
    qualities = np.full(len(starts), Quality.SUSPECT, np.int8)
    where, on = _slots(consumption, window, step_us)
    values[where], qualities[where] = consumption.values[on], consumption.qualities[on]
    where, on = _slots(completeness, window, step_us)
    shares[where] = completeness.values[on]
    known = np.isfinite(values)
    shares = np.where(np.isfinite(shares), shares, known.astype(np.float64))
    return Intervals(starts, step_us, values, shares, qualities)


def _slots(samples: Samples, window: Window, step_us: int) -> tuple[np.ndarray, np.ndarray]:
    """Which grid interval each sample belongs to, and which samples lie on the grid."""
    since = samples.times_us - window.start_us
    on = since % step_us == 0
    return since[on] // step_us, on
