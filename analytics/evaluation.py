"""One meter from its register readings to results: consumption, expectation, score, emissions.

The store is read and written here, and nothing else happens on the event loop: the arithmetic runs in worker processes
(a whole history) or in a thread (the newest intervals).
"""

import asyncio
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from analytics.alerts.waste import Judged
from analytics.anomaly.curve import LoadCurve
from analytics.anomaly.detector import Detector, Scores
from analytics.anomaly.history import judge, learn
from analytics.anomaly.symptoms import LEAD_IN_US
from analytics.anomaly.week import Week
from analytics.carbon.emissions import interval_emissions
from analytics.energy.course import LOOK_AROUND_US
from analytics.energy.intervals import Intervals
from analytics.energy.source import Computed, Measured, Source
from analytics.reports.collect import Rules, on_grid
from analytics.settings import AnalyticsSettings
from metering.estate import Estate, Meter
from metering.instant import DAY, HOUR, SECOND, Window
from metering.quality import Quality
from metering.quantities import quantity
from metering.reading import Reading, Series
from metering.samples import Floats, Int64s, Samples
from storage.protocol import Aggregate, Store

_STALE_US = 3 * HOUR
_BATCH = 20_000


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """What became of one meter: its intervals with their scores, and from which position on they are new."""

    meter: Meter
    intervals: Intervals
    scores: Scores
    fresh: int


class Evaluation:
    """Evaluates the meters of an estate. Raises ValueError for an unknown time zone or holiday region."""

    def __init__(self, store: Store, estate: Estate, settings: AnalyticsSettings, rules: Rules) -> None:
        self._store = store
        self._estate = estate
        self._settings = settings
        self._rules = rules
        self.week = Week(rules.calendar.zone.key, settings.holiday_region)
        self._recompute_us = int(settings.recompute_h * HOUR)

    @property
    def step_us(self) -> int:
        return self._rules.step_us

    async def history(
        self, meter: Meter, window: Window, workers: Executor | None = None
    ) -> tuple[Results, Detector] | None:
        """Evaluate all that was measured in the window, and learn from it; None if that is nothing.

        Only what is not stored yet, or may have changed since, is new. Without ``workers`` a thread does the work.
        """
        source = await self._source(meter, window)
        whole = self._covered(source, window)
        if whole is None:
            return None
        task = _History(source, whole, self.step_us, await self._temperature(whole), meter)
        loop = asyncio.get_running_loop()
        intervals, scores, detector = await loop.run_in_executor(workers, _history, task, self.week)
        stored_us = await self._stored_until(meter)
        recent = int(np.searchsorted(intervals.start_us, stored_us - self._recompute_us))
        changed = _changed(await self.stored(meter, whole), intervals)
        changed = changed[self._may_change(meter, intervals.start_us[changed], window.end_us)]
        return Results(meter, intervals, scores, min([recent, *changed[:1].tolist()])), detector

    def recent(self, since_us: int, now_us: int) -> Window:
        """What is new since ``since_us``, and how far back readings that came late are looked for each time."""
        begin = min(since_us, now_us - self._recompute_us) // self.step_us * self.step_us
        return Window(begin, max(now_us, begin))

    async def again(self, meter: Meter, detector: Detector, window: Window, judge_since_us: int) -> Results | None:
        """Evaluate a window by what is measured now; None if that is nothing else than what is stored.

        The results go back to ``judge_since_us`` at least, by what is stored.
        """
        step_us = self.step_us
        source = await self._source(meter, window)
        part = self._covered(source, window)
        if part is None:
            return None
        whole = Window((min(window.start_us, judge_since_us) - LEAD_IN_US) // step_us * step_us, part.end_us)
        stored, temperature = await self.stored(meter, whole), await self._temperature(whole)

        def compute() -> Results | None:
            computed = source.intervals(part, step_us)
            changed = _changed(stored, computed)
            if not len(changed):
                return None
            intervals = _replaced(stored, computed)
            first = int(np.argmax(intervals.completeness > 0))  # before it there was no meter
            curve = LoadCurve.of(intervals, _at(temperature, intervals.start_us)).part(first, len(intervals))
            lead = max(LEAD_IN_US // step_us, first)
            scores = detector.score(curve, self.week.slots(curve.start_us, step_us), lead - first)
            judged = intervals.within(Window(int(intervals.start_us[lead]), part.end_us))
            return Results(meter, judged, scores, int(changed[0]) - lead)

        return await asyncio.to_thread(compute)

    async def relearn(self, meter: Meter, window: Window, workers: Executor) -> Detector | None:
        """Learn the meter anew from the stored results of the window; None if there are none."""
        intervals = await self.stored(meter, window)
        known = np.flatnonzero(intervals.completeness > 0)
        if not len(known):
            return None
        series = Series(meter.id, "anomaly_score")
        found = (await self._store.samples([series], window))[series]
        score = np.zeros(len(intervals))
        slot, rest = np.divmod(found.times_us - window.start_us, self.step_us)
        score[slot[rest == 0]] = found.values[rest == 0]
        temperature = _at(await self._temperature(window), intervals.start_us)
        curve = LoadCurve.of(intervals, temperature).part(int(known[0]), int(known[-1]) + 1)
        task = (curve, score[known[0] : known[-1] + 1], meter, self.week)
        return await asyncio.get_running_loop().run_in_executor(workers, _learned, *task)

    async def stored(self, meter: Meter, window: Window) -> Intervals:
        """The stored results of a window that begins and ends on interval bounds."""
        amount, share = Series(meter.id, "consumption"), Series(meter.id, "completeness")
        found = await self._store.samples((amount, share), window)
        return on_grid(found[amount], found[share], window, self.step_us)

    async def write(self, results: Results) -> None:
        """Store what is new of the results."""
        made = await asyncio.to_thread(self._readings, results)
        for first in range(0, len(made), _BATCH):
            await self._store.write(made[first : first + _BATCH])

    def judged(self, results: Results) -> Judged:
        """The results as findings are made of them."""
        meter, intervals = results.meter, results.intervals

        def kg(amounts: Floats) -> Floats:
            return self._emissions(meter, Intervals.of(intervals.start_us, intervals.step_us, amounts))

        return Judged(meter, LoadCurve.of(intervals), results.scores, kg)

    def _readings(self, results: Results) -> list[Reading]:
        intervals, scores = results.intervals, results.scores
        plain = np.full(len(intervals), Quality.MEASURED, np.int8)  # what a model says stands in for no measurement
        columns = {
            "consumption": (intervals.consumption, intervals.qualities),
            "completeness": (intervals.completeness, plain),
            "expected": (scores.expected, plain),
            "expected_lower": (scores.lower, plain),
            "expected_upper": (scores.upper, plain),
            "anomaly_score": (scores.score, plain),
            "emissions": (self._emissions(results.meter, intervals), intervals.qualities),
        }
        starts, part = intervals.start_us[results.fresh :], slice(results.fresh, None)
        made = (
            _column(results.meter.id, name, starts, values[part], qualities[part])
            for name, (values, qualities) in columns.items()
        )
        return list(chain.from_iterable(made))

    def _emissions(self, meter: Meter, intervals: Intervals) -> Floats:
        return interval_emissions(meter, intervals, self._rules.factors, self._rules.calendar, gas=self._rules.gas)

    async def _source(self, meter: Meter, window: Window) -> Source:
        """What the meter's intervals in the window are computed from."""
        if meter.formula is not None:
            grid = Window(window.start_us // self.step_us * self.step_us, window.end_us // self.step_us * self.step_us)
            parts = [(factor, await self.stored(self._estate.meters[id_], grid)) for id_, factor in meter.formula.terms]
            return Computed(tuple(parts))
        near_us = self._near_us(meter)
        margin = max(LOOK_AROUND_US, near_us)
        around = Window(window.start_us - margin, window.end_us + margin)
        samples = (await self._store.samples([meter.series], around))[meter.series]
        return Measured(samples, meter.counter, near_us, self._settings.substitute_gaps)

    async def _temperature(self, window: Window) -> Samples | None:
        """Hourly means of the outdoor temperature, each at the end of its hour: when it was known."""
        if self._settings.outdoor_temperature is None:
            return None
        series = Series(self._settings.outdoor_temperature, "outdoor_temperature")
        before = Window(window.start_us - DAY, window.end_us)
        found = (await self._store.aggregate([series], before, HOUR, Aggregate.MEAN))[series]
        return Samples(found.times_us + HOUR, found.values, found.qualities)

    def _may_change(self, meter: Meter, starts_us: Int64s, now_us: int) -> NDArray[np.bool_]:
        """Which stored intervals a history may put right: those late readings are looked for in, and at exchanges.

        What is older is computed from condensed readings by now, which place energy a little less finely.
        """
        may = starts_us >= now_us - self._settings.late_days * DAY
        for exchange in meter.counter.exchanges:
            may |= np.abs(starts_us - exchange.time_us) <= DAY
        return may

    async def _stored_until(self, meter: Meter) -> int:
        newest = [r.time_us for r in await self._store.latest([meter.id]) if r.quantity == "completeness"]
        return max(newest, default=-(10**18))

    def _near_us(self, meter: Meter) -> int:
        """Readings this far apart are neighbours: two intervals, or two and a half reading intervals of the device."""
        interval_s = self._estate.devices[meter.device].interval_s
        return max(2 * self.step_us, int(2.5 * interval_s * SECOND))

    def _covered(self, source: Source, window: Window) -> Window | None:
        """The whole intervals of the window between the first and the last reading; None if there are none.

        What comes after the last reading is not known to be missing: it may still be on its way.
        """
        extent = source.extent()
        if extent is None:
            return None
        begin = -(-max(window.start_us, extent.start_us) // self.step_us) * self.step_us
        end = min(window.end_us, extent.end_us) // self.step_us * self.step_us
        return Window(begin, end) if end > begin else None


@dataclass(frozen=True, slots=True, eq=False)
class _History:
    source: Source
    window: Window
    step_us: int
    temperature: Samples | None
    meter: Meter


def _history(task: _History, week: Week) -> tuple[Intervals, Scores, Detector]:
    intervals = task.source.intervals(task.window, task.step_us)
    curve = LoadCurve.of(intervals, _at(task.temperature, intervals.start_us))
    judged = judge(week, curve, task.meter.carrier)
    return intervals, judged.scores, judged.detector


def _learned(curve: LoadCurve, score: Floats, meter: Meter, week: Week) -> Detector:
    return learn(curve, week.slots(curve.start_us, curve.step_us), score, meter.carrier)


def _at(temperature: Samples | None, instants_us: Int64s) -> Floats | None:
    """The newest temperature at each instant, NaN where it is over three hours old."""
    if temperature is None or not len(temperature):
        return None
    index = np.searchsorted(temperature.times_us, instants_us, side="right") - 1
    age = instants_us - temperature.times_us[np.maximum(index, 0)]
    return np.where((index >= 0) & (age <= _STALE_US), temperature.values[np.maximum(index, 0)], np.nan)


def _changed(stored: Intervals, computed: Intervals) -> Int64s:
    """Positions in ``stored`` at which the computed results differ."""
    first = int(np.searchsorted(stored.start_us, computed.start_us[0]))
    part = slice(first, first + len(computed))
    same = np.isclose(stored.consumption[part], computed.consumption, rtol=1e-12, atol=1e-9, equal_nan=True)
    same &= np.isclose(stored.completeness[part], computed.completeness, rtol=0, atol=1e-9)
    return np.flatnonzero(~same) + first


def _replaced(stored: Intervals, computed: Intervals) -> Intervals:
    """The stored intervals up to where the computed ones begin, then those."""
    keep = int(np.searchsorted(stored.start_us, computed.start_us[0]))
    return Intervals(
        np.concatenate((stored.start_us[:keep], computed.start_us)),
        stored.step_us,
        np.concatenate((stored.consumption[:keep], computed.consumption)),
        np.concatenate((stored.completeness[:keep], computed.completeness)),
        np.concatenate((stored.qualities[:keep], computed.qualities)),
    )


def _column(
    meter: str, name: str, starts: Int64s, values: Floats, qualities: np.ndarray[tuple[int], np.dtype[np.int8]]
) -> Iterator[Reading]:
    quantity(name)
    known = np.isfinite(values)
    rows = zip(starts[known].tolist(), values[known].tolist(), qualities[known].tolist(), strict=True)
    return (Reading(meter, name, value, time_us, _QUALITIES[code]) for time_us, value, code in rows)


_QUALITIES = {quality.value: quality for quality in Quality}
