"""One meter from its register readings to results: consumption, expectation, score, emissions.

The store is read and written here, and nothing else happens on the event loop: the arithmetic runs in worker processes
(a whole history) or in a thread (the newest intervals).
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain, islice
from types import MappingProxyType
from typing import NamedTuple, TypeVar

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
from analytics.exchange_book import with_recorded
from analytics.outlook import HORIZON_US, Ahead, expectations
from analytics.reports.collect import Rules, on_grid
from analytics.settings import AnalyticsSettings
from analytics.tails import Tails
from analytics.update import Results, Update, differing, lost, redone, temperature_at, updated
from metering.estate import Counter, Estate, Exchange, Meter
from metering.instant import DAY, HOUR, SECOND, Window
from metering.quality import Quality
from metering.quantities import quantity
from metering.reading import Reading, Series
from metering.samples import Floats, Int64s, Samples
from storage.protocol import Aggregate, Store

_BATCH = 20_000
_RESULT = ("consumption", "completeness", "gap_consumption")
_CHUNK = 25  # meters that a worker process updates together


_Item = TypeVar("_Item")


class Due(NamedTuple):
    """A meter whose ``window`` is evaluated; results go back to ``judge_since_us`` at least, by what is stored."""

    meter: Meter
    detector: Detector
    window: Window
    judge_since_us: int


class Evaluation:
    """Evaluates the meters of an estate. Raises ValueError for an unknown time zone or holiday region."""

    def __init__(self, store: Store, estate: Estate, settings: AnalyticsSettings, rules: Rules) -> None:
        self._store = store
        self._estate = estate
        self._settings = settings
        self._rules = rules
        self.week = Week(rules.calendar.zone.key, settings.holiday_region)
        self._tails = Tails(self.step_us, settings.memory_mb)
        self.recorded: Mapping[str, tuple[Exchange, ...]] = {}
        """Meter exchanges that were recorded beside those of the estate, by meter."""
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
        if meter.is_imported:
            fresh = await self._unjudged(meter, intervals, scores)
            return Results(meter, intervals, scores, fresh, {}, np.empty(0, np.int64)), detector
        stored_us = await self._stored_until(meter)
        recent = int(np.searchsorted(intervals.start_us, stored_us - self._recompute_us))
        stored = await self.stored(meter, whole)
        changed = differing(stored, intervals)
        changed = changed[self._may_change(meter, intervals.start_us[changed], window.end_us)]
        fresh, gone = min([recent, *changed[:1].tolist()]), lost(stored, intervals, changed)
        return Results(meter, intervals, scores, fresh, gone, redone(stored, changed)), detector

    def recent(self, since_us: int, now_us: int) -> Window:
        """What is new since ``since_us``, and how far back readings that came late are looked for each time."""
        begin = min(since_us, now_us - self._recompute_us) // self.step_us * self.step_us
        return Window(begin, max(now_us, begin))

    async def again(self, due: Due) -> Results | None:
        """Evaluate a window in the past by what is measured now; None if that is nothing else than what is stored."""
        self._tails.forget(due.meter.id)
        found = await self._updated([due], None, remember=False)
        return found[0] if found else None

    async def update(self, due: Sequence[Due], workers: Executor | None = None) -> list[Results]:
        """Evaluate windows that end now, of meters none of which is computed from another; what has changed.

        What all need is read at once. Without ``workers`` a thread does the work.
        """
        return await self._updated(due, workers, remember=True)

    def remember(self, meter: str, results: Intervals) -> None:
        """Keep what the store holds of a meter in memory, up to the newest of it."""
        self._tails.keep(meter, results)

    async def _updated(self, due: Sequence[Due], workers: Executor | None, *, remember: bool) -> list[Results]:
        registers = await self._registers([(one.meter, one.window) for one in due])
        covered: list[tuple[Due, Source, Window]] = []
        for one in due:
            source = await self._source(one.meter, one.window, registers)
            part = self._covered(source, one.window)
            if part is not None:
                covered.append((one, source, part))
        if not covered:
            return []
        stored = await self._recent(
            {one.meter.id: self._whole(one, part) for one, _, part in covered}, remember=remember
        )
        begin = min(int(intervals.start_us[0]) for intervals in stored.values())
        temperature = await self._temperature(Window(begin, max(part.end_us for *_, part in covered)))

        def compute(chunk: Sequence[tuple[Due, Source, Window]]) -> list[Update]:
            computed = ((one, source.intervals(part, self.step_us)) for one, source, part in chunk)
            updates = (Update(one.meter, one.detector, new, stored[one.meter.id], temperature) for one, new in computed)
            return [update for update in updates if update.has_changed]

        found = []
        loop = asyncio.get_running_loop()
        for some in _batched(covered, 20 * _CHUNK):
            tasks = await asyncio.to_thread(compute, some)
            chunks = _batched(tasks, _CHUNK)
            found += await asyncio.gather(
                *(loop.run_in_executor(workers, updated, chunk, self.week) for chunk in chunks)
            )
        return list(chain.from_iterable(found))

    def _whole(self, due: Due, part: Window) -> Window:
        """What must be known of the past to judge the part."""
        begin = min(due.window.start_us, due.judge_since_us) - LEAD_IN_US
        return Window(begin // self.step_us * self.step_us, part.end_us)

    async def _registers(self, asked: Sequence[tuple[Meter, Window]]) -> dict[Series, Samples]:
        """The readings of all registers over all windows, in one request."""
        around = {meter.series: self._around(meter, window) for meter, window in asked if meter.formula is None}
        if not around:
            return {}
        begin, end = min(w.start_us for w in around.values()), max(w.end_us for w in around.values())
        found = await self._store.samples(list(around), Window(begin, end))
        return {series: _within(found[series], window) for series, window in around.items()}

    async def _recent(self, wanted: Mapping[str, Window], *, remember: bool) -> dict[str, Intervals]:
        """The stored results of each meter's window; what is not in memory is read in one request."""
        kept = {meter: self._tails.find(meter, window) for meter, window in wanted.items()}
        found = {meter: intervals for meter, intervals in kept.items() if intervals is not None}
        unknown = {meter: window for meter, window in wanted.items() if meter not in found}
        read = await self._stored(unknown)
        if remember:
            for meter, intervals in read.items():
                self._tails.keep(meter, intervals)
        return found | read

    async def _stored(self, wanted: Mapping[str, Window]) -> dict[str, Intervals]:
        """The stored results of each meter's window, in one request."""
        if not wanted:
            return {}
        series = [Series(meter, name) for meter in wanted for name in _RESULT]
        begin, end = min(w.start_us for w in wanted.values()), max(w.end_us for w in wanted.values())
        read = await self._store.samples(series, Window(begin, end))
        found = {}
        for meter, window in wanted.items():
            columns = [_within(read[Series(meter, name)], window) for name in _RESULT]
            found[meter] = on_grid(columns, window, self.step_us)
        return found

    async def look_ahead(self, wanted: Sequence[tuple[str, Window]], detectors: Mapping[str, Detector]) -> None:
        """Store the expectations of the days after each meter's window, which ends with what is evaluated of it."""
        stored = await self._stored(dict(wanted))
        every = Window(min(w.start_us for _, w in wanted), max(w.end_us for _, w in wanted) + HORIZON_US)
        temperature = await self._temperature(every)
        ahead = [
            Ahead(
                meter := self._estate.meters[id_],
                self._estate.buildings[meter.building].usage,
                detectors[id_].model,
                history,
                temperature,
            )
            for id_, history in stored.items()
        ]
        made = await asyncio.to_thread(expectations, ahead, self.week)
        for some in _batched(made, _BATCH):
            await self._store.write(some)

    async def relearn(self, meter: Meter, window: Window, workers: Executor) -> Detector | None:
        """Learn the meter anew from the stored results of the window; None if there are none."""
        intervals = await self.stored(meter, window)
        known = np.flatnonzero(intervals.completeness > 0)
        if not len(known):
            return None
        score = np.nan_to_num(await self._column(meter, "anomaly_score", window))
        temperature = temperature_at(await self._temperature(window), intervals.start_us)
        curve = LoadCurve.of(intervals, temperature).part(int(known[0]), int(known[-1]) + 1)
        task = (curve, score[known[0] : known[-1] + 1], meter, self.week)
        return await asyncio.get_running_loop().run_in_executor(workers, _learned, *task)

    async def _unjudged(self, meter: Meter, intervals: Intervals, scores: Scores) -> int:
        """From which position on what was imported of a meter has not been judged as it is now."""
        window = Window(int(intervals.start_us[0]), int(intervals.start_us[-1]) + self.step_us)
        judged = await self._column(meter, "anomaly_score", window)
        emissions = await self._column(meter, "emissions", window)
        same = np.isclose(emissions, self._emissions(meter, intervals), rtol=1e-12, atol=1e-9, equal_nan=True)
        fresh = np.flatnonzero(~same | (np.isfinite(scores.score) & np.isnan(judged)))
        return int(fresh[0]) if len(fresh) else len(intervals)

    async def _column(self, meter: Meter, name: str, window: Window) -> Floats:
        """What is stored of a result in each interval of the window, NaN where nothing is."""
        series = Series(meter.id, name)
        found = (await self._store.samples([series], window))[series].trusted()
        values = np.full(window.duration_us // self.step_us, np.nan)
        slot, rest = np.divmod(found.times_us - window.start_us, self.step_us)
        values[slot[rest == 0]] = found.values[rest == 0]
        return values

    async def stored(self, meter: Meter, window: Window) -> Intervals:
        """The stored results of a window that begins and ends on interval bounds."""
        return (await self._stored({meter.id: window}))[meter.id]

    async def write(self, results: Sequence[Results]) -> None:
        """Store what is new of the results."""
        made = await asyncio.to_thread(lambda: list(chain.from_iterable(map(self._readings, results))))
        for some in _batched(made, _BATCH):
            await self._store.write(some)
        for one in results:
            self._tails.replace(one.meter.id, one.intervals)

    def judged(self, results: Results) -> Judged:
        """The results as findings are made of them."""
        meter, intervals = results.meter, results.intervals

        def kg(amounts: Floats) -> Floats:
            return self._emissions(meter, Intervals.of(intervals.start_us, intervals.step_us, amounts))

        return Judged(meter, LoadCurve.of(intervals), results.scores, kg)

    def _readings(self, results: Results) -> list[Reading]:
        every = results.intervals
        if results.fresh >= len(every):
            return []
        first = int(every.start_us[results.fresh])
        intervals = every.within(Window(first, int(every.start_us[-1]) + every.step_us))
        scores = results.scores.after(results.fresh)
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
        if np.isfinite(intervals.bridged).any():
            gap = replace(intervals, consumption=intervals.bridged)
            formed = np.full(len(intervals), Quality.SUBSTITUTED, np.int8)
            columns["gap_consumption"] = gap.consumption, formed
            columns["gap_emissions"] = self._emissions(results.meter, gap), formed
        if results.meter.is_imported:
            del columns["consumption"], columns["completeness"]  # they are as they were imported
        made = (
            _column(results.meter.id, name, intervals.start_us, values, qualities, results.redone)
            for name, (values, qualities) in columns.items()
        )
        taken_back = (
            Reading(results.meter.id, name, 0.0, time_us, Quality.SUSPECT, "unknown")
            for name, begins_us in results.lost.items()
            for time_us in begins_us.tolist()
        )
        return [*chain.from_iterable(made), *taken_back]

    def _emissions(self, meter: Meter, intervals: Intervals) -> Floats:
        return interval_emissions(meter, intervals, self._rules.factors, self._rules.calendar, gas=self._rules.gas)

    async def _source(
        self, meter: Meter, window: Window, registers: Mapping[Series, Samples] = MappingProxyType({})
    ) -> Source:
        """What the meter's intervals in the window are computed from."""
        if meter.formula is not None:
            grid = Window(window.start_us // self.step_us * self.step_us, window.end_us // self.step_us * self.step_us)
            terms = meter.formula.terms or ((meter.id, Fraction(1)),)  # what was imported stands for itself
            parts = [(factor, await self.stored(self._estate.meters[id_], grid)) for id_, factor in terms]
            return Computed(tuple(parts))
        samples = registers.get(meter.series)
        if samples is None:
            samples = (await self._store.samples([meter.series], self._around(meter, window)))[meter.series]
        return Measured(samples, self._counter(meter), self._near_us(meter), self._settings.substitute_gaps)

    def exchanges(self, meter: str) -> tuple[Exchange, ...]:
        """The exchanges of a meter that count, in ascending time."""
        return self._counter(self._estate.meters[meter]).exchanges

    def _counter(self, meter: Meter) -> Counter:
        return with_recorded(meter.counter, self.recorded.get(meter.id, ()))

    def _around(self, meter: Meter, window: Window) -> Window:
        """The window, and readings that what happens in it may depend on."""
        margin = max(LOOK_AROUND_US, self._near_us(meter))
        return Window(window.start_us - margin, window.end_us + margin)

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
        for exchange in self._counter(meter).exchanges:
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
    curve = LoadCurve.of(intervals, temperature_at(task.temperature, intervals.start_us))
    judged = judge(week, curve, task.meter.carrier)
    return intervals, judged.scores, judged.detector


def _learned(curve: LoadCurve, score: Floats, meter: Meter, week: Week) -> Detector:
    return learn(curve, week.slots(curve.start_us, curve.step_us), score, meter.carrier)


def _column(  # noqa: PLR0913, PLR0917
    meter: str,
    name: str,
    starts: Int64s,
    values: Floats,
    qualities: np.ndarray[tuple[int], np.dtype[np.int8]],
    redone: Int64s,
) -> Iterator[Reading]:
    """The known values as readings; those redone say that they are confirmed (see `storage.influxdb.store`)."""
    quantity(name)
    known = np.isfinite(values)
    again = np.isin(starts, redone) & (qualities == Quality.MEASURED)
    columns = (starts, values, qualities, again)
    rows = zip(*(column[known].tolist() for column in columns), strict=True)
    return (
        Reading(meter, name, value, time_us, _QUALITIES[code], "confirmed" if lifted else "")
        for time_us, value, code, lifted in rows
    )


def _batched(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    """Lists of ``size`` items, the last one may be shorter."""
    remaining = iter(items)
    while some := list(islice(remaining, size)):
        yield some


def _within(samples: Samples, window: Window) -> Samples:
    low, high = np.searchsorted(samples.times_us, (window.start_us, window.end_us)).tolist()
    return Samples(samples.times_us[low:high], samples.values[low:high], samples.qualities[low:high])


_QUALITIES = {quality.value: quality for quality in Quality}
