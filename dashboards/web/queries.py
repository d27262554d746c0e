"""Asks the store, and turns its answers into view models. Every method raises `storage.protocol.StoreError`."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from analytics.carbon.target import Target
from dashboards.web import views
from dashboards.web.shared import Shared
from dashboards.web.views import (
    BuildingView,
    Curve,
    DeviceState,
    DeviceView,
    Emissions,
    MeterProfile,
    MeterView,
    Overview,
    TargetYear,
)
from metering.clock import Clock
from metering.estate import Carrier, Estate, Meter, Role
from metering.event import Event
from metering.instant import DAY, HOUR, MINUTE, QUARTER_HOUR, Window
from metering.localtime import LocalCalendar
from metering.reading import Reading, Series
from metering.samples import Samples
from storage.protocol import Aggregate, Store

_FLAGS = 100
"""At most so many doubtful values of a meter are listed."""


class Queries:
    """What pages and the REST API ask for."""

    def __init__(self, store: Store, estate: Estate, clock: Clock, calendar: LocalCalendar, refresh_s: float) -> None:
        self.store = store
        self._estate = estate
        self._clock = clock
        self._calendar = calendar
        self.latest: Shared[dict[Series, Reading]] = Shared(self._latest, refresh_s / 2)
        self._today: Shared[dict[Series, Samples]] = Shared(self._today_sums, max(refresh_s, 30.0))
        self._events: Shared[list[Event]] = Shared(self._month_of_events, max(refresh_s, 30.0))

    async def overview(self) -> Overview:
        """The whole estate as of now."""
        latest, today = await asyncio.gather(self.latest(), self._today())
        now, states = self._clock.now_us(), self._states(latest)
        buildings = tuple(self._building(building, latest, today, states) for building in self._estate.buildings)
        meters = list(self._estate.meters.values())
        load, generation = self._power(meters, latest, states)
        return Overview(
            now,
            {state: sum(found == state for found in states.values()) for state in DeviceState},
            load,
            generation,
            self._energy(meters, today),
            self._emissions(meters, today),
            buildings,
        )

    async def building(self, building: str) -> BuildingView:
        """One building as of now."""
        latest, today = await asyncio.gather(self.latest(), self._today())
        return self._building(building, latest, today, self._states(latest))

    async def devices(self) -> list[DeviceView]:
        """Every device, those needing attention first."""
        latest, events = await asyncio.gather(self.latest(), self._events())
        return views.device_views(self._estate, latest.values(), self._clock.now_us(), views.device_errors(events))

    async def meter(self, meter: Meter) -> MeterView:
        """One meter as of now."""
        latest = await self.latest()
        return _meter_view(meter, latest, self._states(latest))

    async def load_curves(self, meters: Sequence[Meter], window: Window, step_us: int) -> tuple[list[Curve], float]:
        """Mean power (W) drawn and made by the meters in each bucket, and the share of values that were there."""
        network, generation = views.power_terms(meters, self._estate)
        found = await self.store.aggregate([*network, *generation], window, step_us, Aggregate.MEAN)
        times = np.arange(window.start_us // step_us * step_us, window.end_us, step_us, dtype=np.int64)
        made, _ = views.added([(_absolute(found[series]), 1.0) for series in generation], times, step_us)
        drawn, share = views.added([(found[series], sign) for series, sign in network.items()], times, step_us)
        curves = [Curve("load", times, drawn + np.nan_to_num(made))]
        if generation:
            curves.append(Curve("generation", times, made))
        return curves, share

    async def consumption_curves(self, meters: Iterable[Meter], window: Window, step_us: int) -> list[Curve]:
        """Consumption of each meter in each bucket, named by the meter's id, in billing units."""
        wanted = {Series(meter.id, "consumption"): meter for meter in meters}
        found = await self.store.aggregate(wanted, _whole(window, step_us), step_us, Aggregate.SUM)
        return [views.with_gaps(meter.id, found[series], step_us) for series, meter in wanted.items()]

    async def profile(self, meter: Meter, window: Window) -> MeterProfile:
        """Consumption and what was expected, in quarter-hours up to 8 days, hours up to 32, else whole local days.

        Shorter than days, what is expected of the day after a window that ends now is there, too.
        """
        step = QUARTER_HOUR if window.duration_us <= 8 * DAY else HOUR
        if daily := window.duration_us > 32 * DAY:
            dates = (self._calendar.date_of(window.start_us), self._calendar.date_of(window.end_us))
            window = Window(*(self._calendar.midnight(date) for date in dates))
        else:
            ahead = DAY if window.end_us > self._clock.now_us() - MINUTE else 0
            window = Window(window.start_us, window.end_us + ahead)
        names = ("consumption", "expected", "expected_lower", "expected_upper")
        wanted = [Series(meter.id, name) for name in names]
        if daily:
            wanted += _gaps_of(wanted)
        found = await self.store.aggregate(wanted, _whole(window, step), step, Aggregate.SUM)
        if daily:
            found = _with_gaps(found)
            found = {series: views.by_local_day(samples, self._calendar) for series, samples in found.items()}
        longest_step = 25 * HOUR if daily else step
        curves = [views.with_gaps(name, found[Series(meter.id, name)], longest_step) for name in names]
        return MeterProfile(DAY if daily else step, *curves)

    async def registers(self, meter: Meter, window: Window) -> Samples:
        """The last register reading of each hour."""
        return (await self.store.aggregate([meter.series], window, HOUR, Aggregate.LAST))[meter.series]

    async def flags(self, meter: Meter, window: Window) -> list[Reading]:
        """The newest doubtful, estimated or substituted values of the meter and its device, newest first."""
        found = [reading for reading in await self.store.flagged(window) if reading.device in (meter.id, meter.device)]
        return found[: -_FLAGS - 1 : -1]

    async def emissions(self, parts: Sequence[Window]) -> list[Emissions]:
        """CO2e and consumption of every building with billed energy over consecutive ``parts``, the largest first."""
        window = Window(parts[0].start_us, min(parts[-1].end_us, max(parts[0].start_us, self._clock.now_us())))
        meters = {building: self._emitting_in(building) for building in self._estate.buildings}
        names = ("emissions", "consumption", "completeness")
        wanted = [Series(meter.id, name) for group in meters.values() for meter in group for name in names]
        found = await self._sums(wanted, window)
        elapsed = window.duration_us // QUARTER_HOUR
        rows = [
            self._emission_row(building, group, found, parts, elapsed) for building, group in meters.items() if group
        ]
        return sorted(rows, key=lambda row: -(row.emissions_kg or 0.0))

    async def target_years(self, target: Target) -> list[TargetYear]:
        """CO2e of all buildings year by year against the path to the target."""
        now = self._clock.now_us()
        begun = [year for year in target.years if self._calendar.year(year).start_us < now]
        years = {year: self._calendar.year(year) for year in begun if year not in target.known_kg}
        meters = [meter for building in self._estate.buildings for meter in self._emitting_in(building)]
        groups = {
            "kg": [Series(meter.id, name) for meter in meters for name in ("emissions", _GAPS["emissions"])],
            "completeness": [Series(meter.id, "completeness") for meter in meters],
        }
        sums = await self.store.totals(groups, list(years.values()))
        computed = {
            year: (float(kg), views.share(measured, len(meters) * window.duration_us // QUARTER_HOUR) or 0.0)
            for (year, window), kg, measured in zip(years.items(), sums["kg"], sums["completeness"], strict=True)
        }
        return views.target_years(target, computed)

    def _states(self, latest: Mapping[Series, Reading]) -> dict[str, DeviceState]:
        now = self._clock.now_us()
        return {view.device.id: view.state for view in views.device_views(self._estate, latest.values(), now)}

    def _billed_in(self, building: str) -> list[Meter]:
        return views.billed(self._estate.meters_in(building), self._estate)

    def _emitting_in(self, building: str) -> list[Meter]:
        return [meter for meter in self._billed_in(building) if meter.carrier != Carrier.WATER]

    def _emission_row(
        self,
        building: str,
        meters: Sequence[Meter],
        found: Mapping[Series, Samples],
        parts: Sequence[Window],
        elapsed: int,
    ) -> Emissions:
        columns = [views.by_parts(found[Series(meter.id, "emissions")], parts) for meter in meters]
        by_part = tuple(views.total(values).value for values in zip(*columns, strict=True))
        measured = sum(float(found[Series(meter.id, "completeness")].values.sum()) for meter in meters)
        return Emissions(
            self._estate.buildings[building],
            self._energy(meters, found),
            views.total(by_part).value,
            by_part,
            measured,
            elapsed * len(meters),
        )

    async def _latest(self) -> dict[Series, Reading]:
        return {reading.series: reading for reading in await self.store.latest(list(self._estate.devices))}

    async def _month_of_events(self) -> list[Event]:
        now = self._clock.now_us()
        return await self.store.events(Window(now - 31 * DAY, now + 1))

    async def _today_sums(self) -> dict[Series, Samples]:
        now = self._clock.now_us()
        window = Window(self._calendar.midnight(self._calendar.date_of(now)), now + 1)
        meters = views.billed(self._estate.meters.values(), self._estate)
        wanted = [Series(meter.id, name) for meter in meters for name in ("consumption", "emissions")]
        return await self._sums(wanted, window)

    async def _sums(self, wanted: Sequence[Series], window: Window) -> dict[Series, Samples]:
        """Hourly sums to add up over days or more: what registers counted over gaps is in them."""
        if not wanted:
            return {}
        return _with_gaps(await self.store.aggregate([*wanted, *_gaps_of(wanted)], window, HOUR, Aggregate.SUM))

    def _building(
        self,
        building: str,
        latest: Mapping[Series, Reading],
        today: Mapping[Series, Samples],
        states: Mapping[str, DeviceState],
    ) -> BuildingView:
        meters = list(self._estate.meters_in(building))
        load, generation = self._power(meters, latest, states)
        devices = {device.id for device in self._estate.devices.values() if device.building == building}
        found = [states[device] for device in devices | {meter.device for meter in meters if meter.formula is None}]
        return BuildingView(
            self._estate.buildings[building],
            load,
            generation,
            self._energy(meters, today),
            self._emissions(meters, today),
            max(found, key=list(DeviceState).index, default=DeviceState.ONLINE),
            tuple(_meter_view(meter, latest, states) for meter in meters),
        )

    def _power(
        self, meters: Sequence[Meter], latest: Mapping[Series, Reading], states: Mapping[str, DeviceState]
    ) -> tuple[views.Total, views.Total]:
        def power(series: Series) -> float | None:
            reading = latest.get(series)
            return reading.value if reading and states[series.device] != DeviceState.SILENT else None

        network, generation = views.power_terms(meters, self._estate)
        made = views.total(None if (value := power(series)) is None else abs(value) for series in generation)
        return views.load_now(network, generation, power), made

    def _energy(self, meters: Sequence[Meter], found: Mapping[Series, Samples]) -> dict[Carrier, float | None]:
        supplies = views.billed(meters, self._estate)
        carriers = [carrier for carrier in Carrier if any(meter.carrier == carrier for meter in supplies)]
        return {
            carrier: _sum(found, (Series(meter.id, "consumption") for meter in supplies if meter.carrier == carrier))
            for carrier in carriers
        }

    def _emissions(self, meters: Sequence[Meter], found: Mapping[Series, Samples]) -> float | None:
        return _sum(found, (Series(meter.id, "emissions") for meter in views.billed(meters, self._estate)))


def _meter_view(meter: Meter, latest: Mapping[Series, Reading], states: Mapping[str, DeviceState]) -> MeterView:
    power = meter.power or ("active_power" if meter.role is Role.SUPPLY else None)  # see `views.power_terms`
    rate = latest.get(Series(meter.device, power)) if power else None
    return MeterView(meter, states.get(meter.device, DeviceState.ONLINE), latest.get(meter.series), rate)


_GAPS = {"consumption": "gap_consumption", "emissions": "gap_emissions"}
"""Where what belongs to longer gaps stands, by what it is missing in."""


def _gaps_of(wanted: Iterable[Series]) -> list[Series]:
    return [Series(meter, _GAPS[name]) for meter, name in wanted if name in _GAPS]


def _with_gaps(found: Mapping[Series, Samples]) -> dict[Series, Samples]:
    """Sums, those of gaps added to what they are missing in."""
    whole = dict(found)
    for (meter, name), samples in found.items():
        gap = found.get(Series(meter, _GAPS.get(name, "")))
        if gap is not None and len(gap):
            whole[Series(meter, name)] = views.summed(samples, gap)
    return whole


def _sum(found: Mapping[Series, Samples], wanted: Iterable[Series]) -> float | None:
    return views.total(
        float(samples.values.sum()) if (samples := found.get(series)) is not None and len(samples) else None
        for series in wanted
    ).value


def _absolute(samples: Samples) -> Samples:
    return Samples(samples.times_us, np.abs(samples.values), samples.qualities)


def since(clock: Clock, duration_us: int) -> Window:
    """The window from ``duration_us`` ago, to the whole hour before, until now."""
    now = clock.now_us()
    return Window((now - duration_us) // HOUR * HOUR, now + 1)


def step_for(window: Window) -> int:
    """The bucket for a load curve: 5 min up to a day, 30 min up to ten days, else hours."""
    if window.duration_us <= DAY + 2 * HOUR:
        return 5 * MINUTE
    return 30 * MINUTE if window.duration_us <= 10 * DAY else HOUR


def _whole(window: Window, step_us: int) -> Window:
    """The window without the bucket that has only begun."""
    return Window(window.start_us, max(window.start_us, window.end_us // step_us * step_us))
