"""Analytics as a service: every cycle it looks at the live readings, and once an interval has ended at every meter."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import chain
from typing import TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError

from analytics.alerts import live, waste
from analytics.alerts.alert import Finding
from analytics.alerts.book import AlertBook
from analytics.alerts.notify import Notifier
from analytics.alerts.wording import Wording
from analytics.anomaly.detector import Detector
from analytics.checks.look import Look
from analytics.energy.exchange_events import exchange_event
from analytics.energy.late import Arrivals
from analytics.evaluation import Due, Evaluation
from analytics.exchange_book import ExchangeBook
from analytics.outlook import Outlook
from analytics.reports.rules import Rules
from analytics.settings import AnalyticsSettings
from analytics.update import Results
from analytics.workers import require_extra, workers
from metering import heartbeat
from metering.clock import Clock
from metering.estate import Estate, Exchange, Meter
from metering.event import Event
from metering.instant import DAY, HOUR, MINUTE, SECOND, Window
from metering.quality import Quality
from metering.reading import Series
from metering.texts import Language
from storage.protocol import Store, StoreError, StoreRefused

_log = structlog.get_logger()
_AT_ONCE = 3  # meters whose histories are in memory at the same time
_TOGETHER = 500  # meters that are updated together
_WORTH_WORKERS = 100  # from so many meters on worker processes are worth their start
_EVIDENCE_US = 30 * MINUTE
_QUIET_US = 10 * MINUTE
_LOOK_BACK_US = HOUR
_ASK_AGAIN_US = 15 * SECOND
_LIVE_KINDS = ("silent", "silent_building", "silent_many", "gateway_down")
_NO_DEFECTS = (StoreError, SQLAlchemyError, BrokenExecutor)  # of store, alert book or a lost worker: tried again
_GATEWAY_PATIENCE_US = round(4 * heartbeat.INTERVAL_S * SECOND)

Found = TypeVar("Found")

Progress = Callable[[float], None]
"""Called with the share that is done, 0..1."""


class Analytics:
    """Consumption, anomalies, emissions and alerts of one estate, from the store into the store and the alert book.

    Raises ValueError for settings that cannot be (time zone, holiday region, notification URL) and for Dask not there.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what the room is put together from, by name at the top floor
        self,
        store: Store,
        estate: Estate,
        settings: AnalyticsSettings,
        clock: Clock,
        alerts: AlertBook,
        rules: Rules,
        language: Language = "de",
    ) -> None:
        if settings.scheduler is not None:
            require_extra()
        self._store = store
        self._estate = estate
        self._settings = settings
        self._clock = clock
        self._alerts = alerts
        self.cycles = 0
        """How many are done; a number that stands still for long means trouble."""
        self._evaluation = Evaluation(store, estate, settings, rules)
        self._exchange_book = ExchangeBook(alerts.database)
        self._language = language
        self._wording = Wording(language, self._evaluation.week.calendar)
        self._notifier = Notifier(settings.alerting, alerts, estate, self._wording, self._evaluation.week.calendar)
        outdoor, step_us = settings.outdoor_temperature, self._evaluation.step_us
        self._checks = Look(store, estate, settings.checks, outdoor, step_us, self._wording)
        self._detectors: dict[str, Detector] = {}
        self._done_us: dict[str, int] = {}  # until when each meter is evaluated
        self._ask_us: dict[str, int] = {}  # when to ask next for new intervals of each meter
        self._outlook = Outlook()
        self._arrivals = Arrivals(store)
        self._imports = Arrivals(store)
        self._looked_back_us = 0  # when readings that came late were looked for
        self._checked_us = 0  # when several series were compared
        self._learned_us = 0
        self._cycle_us = clock.now_us()
        self._annotated_us = self._cycle_us - settings.alerts.days * DAY
        self._silence = self._listening()
        self._gateway_down = False

    async def run(self) -> None:
        """Work until cancelled; what fails is tried again, and a meter that cannot be evaluated stops no other."""
        self._silence = self._listening()
        while True:
            try:
                if not self._learned_us:
                    await self.backfill(self._history(self._clock.now_us()))
                await self.cycle()
            except* _NO_DEFECTS as failed:
                errors = [str(error) for error in failed.exceptions]
                _log.warning("analytics could not finish and will try again", errors=errors)
            except* Exception:  # noqa: BLE001 - the gateway may be in this process, and must go on
                _log.exception("analytics failed and will try again")
            await self._clock.sleep(self._settings.interval_s)

    async def backfill(self, window: Window, progress: Progress | None = None) -> None:
        """Evaluate every meter over a history, learn from it, and open alerts for what is wrong lately."""
        self._evaluation.recorded = await asyncio.to_thread(self._exchange_book.exchanges)
        events = [self._event(meter, one) for meter in self._estate.meters for one in self._evaluation.exchanges(meter)]
        await self._store.write_events(events)
        await self._late(window.end_us)
        await self._imported(window.end_us)
        turn = asyncio.Semaphore(_AT_ONCE)
        done = 0

        async def one(meter: Meter, workers: Executor) -> None:
            nonlocal done
            async with turn:
                await self._begin(meter, window, workers)
            done += 1
            if progress:
                progress(done / len(self._estate.meters))

        async with self._workers() as workers:
            for meters_at_once in self._estate.computed_after():
                async with asyncio.TaskGroup() as group:
                    for meter in meters_at_once:
                        group.create_task(one(meter, workers))
        self._learned_us = window.end_us
        self._cycle_us = min(self._cycle_us, window.end_us)
        await self._settle(self._clock.now_us())

    async def cycle(self) -> None:
        """Look once at everything that is new."""
        now_us = self._clock.now_us()
        await self._check_live(now_us)
        await self._note_exchanges(now_us)
        await self._update(now_us)
        await self._look_ahead(now_us)
        if now_us - self._looked_back_us >= _LOOK_BACK_US:
            await self._look_back(now_us)
        if now_us - self._checked_us >= _LOOK_BACK_US:
            self._checked_us = now_us
            await self._report(await self._checks.all(now_us))
        if now_us - self._learned_us >= DAY:
            await self._relearn(now_us)
        await self._settle(now_us)
        await self._notifier.deliver(now_us)
        self._cycle_us = now_us
        self.cycles += 1

    def _listening(self) -> live.Silence:
        """Nobody is silent who had no time to speak: patience begins now."""
        return live.Silence(self._settings.silent_factor, self._settings.silent_after_s, self._clock.now_us())

    def _due(self, meters: Iterable[Meter], now_us: int) -> Iterator[Meter]:
        """Meters for which an interval has ended since they were evaluated. Who has nothing new is asked ever later."""
        ended_us = now_us // self._evaluation.step_us * self._evaluation.step_us
        for meter in meters:
            if meter.is_imported and meter.id in self._detectors:
                continue  # it changes by imports alone
            if ended_us > self._done_us.get(meter.id, 0) and now_us >= self._ask_us.get(meter.id, 0):
                self._ask_us[meter.id] = now_us + max(now_us - ended_us, _ASK_AGAIN_US)
                yield meter

    async def _update(self, now_us: int) -> None:
        """Evaluate what has ended since, those first that others are computed from."""
        signs_us = await asyncio.to_thread(self._first_signs)
        async with AsyncExitStack() as stack:
            workers: Executor | None = None
            for group in self._estate.computed_after():
                meters = list(self._due(group, now_us))
                for meter in meters:
                    if meter.id not in self._detectors:
                        await self._begin(meter, self._history(now_us))
                known = [meter for meter in meters if meter.id in self._detectors]
                if len(known) >= _WORTH_WORKERS and workers is None:
                    workers = await stack.enter_async_context(self._workers())
                for first in range(0, len(known), _TOGETHER):
                    await self._update_some(known[first : first + _TOGETHER], signs_us, now_us, workers)

    def _first_signs(self) -> dict[str, int]:
        """By subject when the first sign of its open alerts was."""
        found: dict[str, int] = {}
        for alert in self._alerts.list(only_open=True):
            found[alert.subject] = min(alert.first_us, found.get(alert.subject, alert.first_us))
        return found

    async def _update_some(
        self, meters: Sequence[Meter], signs_us: Mapping[str, int], now_us: int, workers: Executor | None
    ) -> None:
        since_us = now_us - self._settings.alerts.days * DAY
        due = [
            Due(
                meter,
                self._detectors[meter.id],
                self._evaluation.recent(self._done_us[meter.id], now_us),
                min(since_us, signs_us.get(meter.id, since_us)),
            )
            for meter in meters
        ]
        try:
            results = await self._evaluation.update(due, workers)
        except _NO_DEFECTS:
            raise
        except Exception:  # noqa: BLE001 - whose it is shows one by one
            each = [await _spared(one.meter, self._evaluation.update([one], workers)) for one in due]
            results = [result for some in each if some is not None for result in some]
        await self._keep(results, since_us)

    def _history(self, end_us: int) -> Window:
        """What is learned from, up to there."""
        return Window(end_us - self._settings.history_days * DAY, end_us)

    async def _begin(self, meter: Meter, window: Window, workers: Executor | None = None) -> None:
        """Evaluate a meter of which nothing is known."""
        found = await _spared(meter, self._evaluation.history(meter, window, workers))
        if found is not None:
            results, self._detectors[meter.id] = found
            await self._keep([results], window.end_us - self._settings.alerts.days * DAY)

    async def _look_ahead(self, now_us: int) -> None:
        """Store what is expected of the next days where that is due."""
        evaluated = {meter: self._done_us[meter] for meter in self._detectors if meter in self._done_us}
        due = self._outlook.due(evaluated, now_us)
        if due:
            await self._evaluation.look_ahead(due, self._detectors)
            self._outlook.made(due)

    async def _late(self, now_us: int) -> dict[Series, list[Window]]:
        """Where readings came since this was asked before, other than in the recent hours, which are always redone."""
        self._looked_back_us = now_us
        window = Window(now_us - self._settings.late_days * DAY, now_us)
        series = dict.fromkeys(meter.series for meter in self._estate.meters.values() if meter.formula is None)
        found = await self._arrivals.changed(series, window)
        recent_us = self._evaluation.recent(now_us, now_us).start_us
        return {series: [part for part in parts if part.start_us < recent_us] for series, parts in found.items()}

    async def _imported(self, now_us: int) -> dict[Series, list[Window]]:
        """What was imported of meters without device since this was asked before."""
        window = self._history(now_us)
        series = [meter.series for meter in self._estate.meters.values() if meter.is_imported]
        return await self._imports.changed(series, window)

    async def _look_back(self, now_us: int) -> None:
        """Redo what late readings and imported files have changed."""
        late = await self._late(now_us)
        imported = await self._imported(now_us)
        for meter in self._estate.meters.values():
            if meter.series in imported:
                await self._begin(meter, self._history(now_us))
                late[meter.series] = imported[meter.series]
        await self._redo({meter.id: late.get(meter.series, []) for meter in self._estate.meters.values()}, now_us)

    async def _note_exchanges(self, now_us: int) -> None:
        """Redo what recorded meter exchanges change, and what is changed by taking them back."""
        recorded, known = await asyncio.to_thread(self._exchange_book.exchanges), self._evaluation.recorded
        if recorded == known:
            return
        self._evaluation.recorded = recorded
        try:
            redone: dict[str, list[Window]] = {}
            for meter in (recorded.keys() | known.keys()) & self._estate.meters.keys():
                before, after = set(known.get(meter, ())), set(recorded.get(meter, ()))
                await self._store.write_events(
                    [
                        *(self._event(meter, exchange, withdrawn=True) for exchange in before - after),
                        *(self._event(meter, exchange) for exchange in after - before),
                    ]
                )
                redone[meter] = [await self._stretch(meter, exchange, now_us) for exchange in before ^ after]
            await self._redo(redone, now_us)
        except BaseException:
            self._evaluation.recorded = known  # to be tried again
            raise

    def _event(self, meter: str, exchange: Exchange, *, withdrawn: bool = False) -> Event:
        return exchange_event(self._estate.meters[meter], exchange, self._language, withdrawn=withdrawn)

    async def _stretch(self, meter: str, exchange: Exchange, now_us: int) -> Window:
        """What is computed from the readings beside an exchange."""
        reach_us = self._settings.late_days * DAY
        stretch = await self._arrivals.around(self._estate.meters[meter].series, exchange.time_us, reach_us)
        return Window(stretch.start_us, max(stretch.start_us, min(stretch.end_us, now_us)))

    async def _redo(self, redone: dict[str, list[Window]], now_us: int) -> None:
        """Evaluate stretches of the past again, by meter, and those of the meters computed from them."""
        for meter in chain.from_iterable(self._estate.computed_after()):
            sources = meter.formula.meters if meter.formula is not None else ()
            windows = [*redone.get(meter.id, ()), *(window for source in sources for window in redone.get(source, ()))]
            redone[meter.id] = windows
            detector = self._detectors.get(meter.id)
            if detector is None or meter.is_imported:
                continue
            for window in windows:
                due = Due(meter, detector, window, window.start_us)
                results = await _spared(meter, self._evaluation.again(due))
                if results is not None:
                    _log.info("intervals of the past are redone", meter=meter.id)
                    await self._keep([results], now_us - self._settings.alerts.days * DAY)

    async def _keep(self, results: Sequence[Results], alerts_since_us: int) -> None:
        """Store the results and report what is wrong in them."""
        if not results:
            return
        await self._evaluation.write(results)
        for one in results:
            until_us = int(one.intervals.start_us[-1]) + one.intervals.step_us
            self._done_us[one.meter.id] = max(until_us, self._done_us.get(one.meter.id, until_us))

        def find() -> list[Finding]:
            sensitivities = self._alerts.sensitivities(results[0].meter.id if len(results) == 1 else None)
            found = chain.from_iterable(self._findings(one, sensitivities) for one in results)
            return [finding for finding in found if finding.last_us >= alerts_since_us]

        await self._report(await asyncio.to_thread(find))

    def _findings(self, results: Results, sensitivities: live.Sensitivities) -> Iterator[Finding]:
        doubtful = results.intervals.qualities != Quality.MEASURED
        limits = waste.Limits(self._settings.alerts.budget, sensitivities, doubtful)
        price = self._settings.tariffs.price(results.meter.carrier)
        return waste.findings(self._evaluation.judged(results), limits, price, self._wording)

    async def _check_live(self, now_us: int) -> None:
        heard: dict[str, int] = {}
        for reading in await self._store.latest([*self._estate.devices, heartbeat.GATEWAY]):
            heard[reading.device] = max(heard.get(reading.device, 0), reading.time_us)
        sensitivities = await asyncio.to_thread(self._alerts.sensitivities)
        findings = self._silences(heard, now_us, sensitivities)
        since_us = min(self._cycle_us, now_us) - _QUIET_US  # a clock may be set back
        flagged = await self._store.flagged(Window(since_us, now_us + MINUTE))
        for finding, last in live.doubts(flagged, self._estate, self._wording, sensitivities):
            series = Series(last.device, last.quantity)
            around = Window(finding.first_us - _EVIDENCE_US, finding.last_us + MINUTE)
            samples = (await self._store.samples([series], around))[series]
            findings.append(live.with_evidence(finding, last.quantity, samples))
        await self._report(findings)

    def _silences(self, heard: Mapping[str, int], now_us: int, sensitivities: live.Sensitivities) -> list[Finding]:
        """Who is silent. Devices are judged as of the gateway's last beat: later only the gateway is to blame."""
        beat_us = min(heard.get(heartbeat.GATEWAY, now_us), now_us)
        was_down, self._gateway_down = self._gateway_down, now_us - beat_us > _GATEWAY_PATIENCE_US
        if was_down and not self._gateway_down:
            self._silence = self._listening()
        devices = self._estate.devices.values()
        silent = list(self._silence.silent(devices, heard, beat_us, sensitivities))
        names = {building.id: building.name for building in self._estate.buildings.values()}
        findings = list(live.silence(silent, devices, now_us, self._wording, names))
        return [*findings, live.gateway_silence(beat_us, now_us, self._wording)] if self._gateway_down else findings

    async def _report(self, findings: Iterable[Finding]) -> None:
        def report() -> None:
            now_us = self._clock.now_us()
            for finding in findings:
                self._alerts.report(finding, now_us)

        await asyncio.to_thread(report)

    async def _settle(self, now_us: int) -> None:
        """Resolve what shows no more signs: silence as soon as the device is heard, the rest after quiet hours."""
        spoken_us = int(2 * self._settings.interval_s * SECOND)
        await asyncio.to_thread(self._alerts.resolve_quiet, now_us, spoken_us, _LIVE_KINDS)
        quiet_us = int(self._settings.alerts.quiet_h * HOUR)
        await asyncio.to_thread(self._alerts.resolve_quiet, now_us, quiet_us)
        await self._annotate(now_us)

    async def _annotate(self, now_us: int) -> None:
        """Write what has changed in the alert book, by whomever, as events; again what changed a moment ago."""
        changed = await asyncio.to_thread(self._alerts.changed_since, self._annotated_us - MINUTE)
        if changed:
            try:
                await self._store.write_events([alert.event() for alert in changed])
            except StoreRefused as error:  # the alerts count, and are in their book
                _log.warning("alerts not written as annotations", error=str(error))
        self._annotated_us = now_us

    async def _relearn(self, now_us: int) -> None:
        """Learn every meter anew, once a day: from results, so that what looked wrong is left out."""
        end_us = now_us // self._evaluation.step_us * self._evaluation.step_us
        window = self._history(end_us)
        async with self._workers() as workers:
            for meter in self._estate.meters.values():
                detector = await _spared(meter, self._evaluation.relearn(meter, window, workers))
                if detector is not None:
                    self._detectors[meter.id] = detector
        self._learned_us = now_us

    @asynccontextmanager
    async def _workers(self) -> AsyncIterator[Executor]:
        """Worker processes or a cluster; beginning and ending takes a moment, so that happens off the loop."""
        found = workers(self._settings.scheduler)
        beginning = asyncio.ensure_future(asyncio.to_thread(found.__enter__))
        try:
            yield await asyncio.shield(beginning)
        except BaseException as error:
            await asyncio.wait([beginning])  # a thread goes on, whoever gives up waiting for it
            if beginning.exception() or not await asyncio.to_thread(
                found.__exit__, type(error), error, error.__traceback__
            ):
                raise
        else:
            await asyncio.to_thread(found.__exit__, None, None, None)


async def _spared(meter: Meter, work: Awaitable[Found]) -> Found | None:
    """What the work on one meter gives; None where a defect comes to light, so that the others go on."""
    try:
        return await work
    except _NO_DEFECTS:
        raise
    except Exception:  # noqa: BLE001 - it is told, and the meter tried again
        _log.exception("a meter cannot be evaluated", meter=meter.id)
        return None
