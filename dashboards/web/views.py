"""What pages show, as plain records, and the arithmetic behind them. No I/O, no texts."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import pairwise
from types import MappingProxyType

import numpy as np

from analytics.carbon.target import Target
from metering.estate import Building, Carrier, Device, Estate, Meter, Role
from metering.event import Event
from metering.instant import MINUTE, SECOND, Window
from metering.localtime import LocalCalendar
from metering.quantities import QUANTITIES
from metering.reading import Reading, Series
from metering.samples import Floats, Int64s, Samples


class DeviceState(StrEnum):
    """Whether a device still speaks."""

    ONLINE = "online"
    LATE = "late"
    SILENT = "silent"


_LATE = (2.5, MINUTE)
_SILENT = (5.0, 2 * MINUTE)
"""(expected intervals, µs): a device is late or silent once both have passed without a word of it.

Silent is what analytics raises an alert for, by its default settings.
"""


def device_state(device: Device, heard_us: int | None, now_us: int) -> DeviceState:
    """State of a device last heard at ``heard_us`` (None: never)."""
    if heard_us is None:
        return DeviceState.SILENT
    still = now_us - heard_us
    for state, (intervals, at_least) in ((DeviceState.SILENT, _SILENT), (DeviceState.LATE, _LATE)):
        if still > max(intervals * device.interval_s * SECOND, at_least):
            return state
    return DeviceState.ONLINE


_ORDER = {name: number for number, name in enumerate(QUANTITIES)}


@dataclass(frozen=True, slots=True)
class DeviceError:
    """Why a device could not be read; ``until_us`` is the last time, or None if it is still so."""

    text: str
    since_us: int
    until_us: int | None


def device_errors(events: Iterable[Event]) -> dict[str, DeviceError]:
    """By device, from what the gateway reports: the newest of each, by its begin."""
    told = sorted((event for event in events if event.kind == "device_error"), key=lambda event: event.time_us)
    return {event.subject: DeviceError(event.title, event.time_us, event.end_us) for event in told}


@dataclass(frozen=True, slots=True)
class DeviceView:
    """A device with the newest reading of each of its quantities; ``heard_us`` is None if there is none.

    error  the last the gateway had with it, of this month
    """

    device: Device
    building: Building | None
    state: DeviceState
    heard_us: int | None
    readings: tuple[Reading, ...]
    error: "DeviceError | None" = None


def device_views(
    estate: Estate, latest: Iterable[Reading], now_us: int, errors: Mapping[str, DeviceError] = MappingProxyType({})
) -> list[DeviceView]:
    """Every device of the estate, those needing attention first; what its meters count comes first in its readings."""
    counted = {
        Series(meter.device, name) for meter in estate.meters.values() for name in (meter.register, meter.power) if name
    }
    found: dict[str, list[Reading]] = {}
    for reading in sorted(latest, key=lambda reading: (reading.series not in counted, _ORDER.get(reading.quantity, 0))):
        found.setdefault(reading.device, []).append(reading)
    views = []
    for device in estate.devices.values():
        readings = tuple(found.get(device.id, ()))
        heard = max((reading.time_us for reading in readings), default=None)
        building = estate.buildings[device.building] if device.building else None
        state = device_state(device, heard, now_us)
        views.append(DeviceView(device, building, state, heard, readings, errors.get(device.id)))
    order = list(reversed(DeviceState))
    return sorted(views, key=lambda view: (order.index(view.state), view.device.name))


@dataclass(frozen=True, slots=True)
class Total:
    """A sum over meters: ``known`` of ``meters`` contributed. ``value`` is None where none did."""

    value: float | None
    known: int
    meters: int


def total(values: Iterable[float | None]) -> Total:
    """The sum of what is known."""
    every = list(values)
    known = [value for value in every if value is not None]
    return Total(sum(known) if known else None, len(known), len(every))


@dataclass(frozen=True, slots=True)
class MeterView:
    """A meter with the newest readings of its register and its rate (power, flow), None where nothing was heard."""

    meter: Meter
    state: DeviceState
    register: Reading | None
    rate: Reading | None


@dataclass(frozen=True, slots=True)
class BuildingView:
    """A building as of now.

    load, generation  power in W; ``load`` is what the building uses: drawn from the network + made - fed in
    energy            consumption of the local day so far in billing units, for each carrier that has a supply meter
    emissions_kg      CO2e of the local day so far, None if none was computed
    state             the worst state among its devices
    """

    building: Building
    load: Total
    generation: Total
    energy: Mapping[Carrier, float | None]
    emissions_kg: float | None
    state: DeviceState
    meters: tuple[MeterView, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """The whole estate as of ``now_us``."""

    now_us: int
    states: Mapping[DeviceState, int]
    load: Total
    generation: Total
    energy: Mapping[Carrier, float | None]
    emissions_kg: float | None
    buildings: tuple[BuildingView, ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """A line in a plot; ``values`` of NaN are gaps."""

    name: str
    times_us: Int64s
    values: Floats


@dataclass(frozen=True, slots=True)
class MeterProfile:
    """Consumption of a meter per bucket of ``step_us`` in billing units, with what was expected and its interval."""

    step_us: int
    actual: Curve
    expected: Curve
    lower: Curve
    upper: Curve


@dataclass(frozen=True, slots=True)
class Emissions:
    """CO2e of one building over a period.

    energy        consumption in billing units for each carrier
    emissions_kg  sum of what was computed; None if nothing was
    by_part       kg for each day (or month) of the period, None where nothing was computed
    measured      quarter-hours of all billed meters in the elapsed part of the period that were measured
    expected      and how many there should be
    """

    building: Building
    energy: Mapping[Carrier, float | None]
    emissions_kg: float | None
    by_part: tuple[float | None, ...]
    measured: float
    expected: int

    @property
    def completeness(self) -> float | None:
        """0..1; None before anything could be measured."""
        return share(self.measured, self.expected)


@dataclass(frozen=True, slots=True)
class TargetYear:
    """A calendar year on the path to the target, in kg CO2e of all buildings.

    path_kg      what the path allows; None while the base year's emissions are not known
    emitted_kg   None if nothing is known of the year, or it has not begun
    is_given     whether that was told by the settings, and not computed
    completeness share of the whole year that was measured, 0..1; None for a year that is given or has not begun
    """

    year: int
    path_kg: float | None
    emitted_kg: float | None
    is_given: bool
    completeness: float | None

    @property
    def is_whole(self) -> bool:
        """Whether it can be held against the path: a year that was measured only in part stands too low."""
        return self.is_given or (self.completeness or 0.0) >= WHOLE


WHOLE = 0.98
"""A period of which such a share was measured is called complete."""


def target_years(target: Target, computed: Mapping[int, tuple[float, float]]) -> list[TargetYear]:
    """Every year of the path; ``computed`` has kg and completeness of the years that have begun."""
    given = {year: float(kg) for year, kg in target.known_kg.items()}
    emitted = {year: kg for year, (kg, measured) in computed.items() if measured} | given
    whole = target.base_year in given or computed.get(target.base_year, (0.0, 0.0))[1] >= WHOLE
    base = emitted[target.base_year] if whole else None
    return [
        TargetYear(
            year,
            base * float(target.share(year)) if base is not None else None,
            emitted.get(year),
            year in given,
            computed[year][1] if year in computed and year not in given else None,
        )
        for year in target.years
    ]


def share(measured: float, expected: float) -> float | None:
    """``measured`` of ``expected``, at most 1; None if nothing is expected."""
    return min(1.0, measured / expected) if expected else None


def billed(meters: Iterable[Meter], estate: Estate) -> list[Meter]:
    """The supply meters that are not part of another supply meter: their sum is what the network delivered."""

    def contained(meter: Meter) -> bool:
        return meter.parent is not None and estate.meters[meter.parent].role == Role.SUPPLY

    return [meter for meter in meters if meter.role == Role.SUPPLY and not contained(meter)]


def power_terms(meters: Sequence[Meter], estate: Estate) -> tuple[dict[Series, float], list[Series]]:
    """The power series of electricity meters: at the network connection, with their sign, and of generation.

    Network power counts import as positive. Where import and export are registers of one device, neither has a power
    of its own and the device's signed ``active_power`` stands for both, once.
    """
    electric = [meter for meter in meters if meter.carrier == Carrier.ELECTRICITY]
    network: dict[Series, float] = {}
    for meter in [*billed(electric, estate), *(meter for meter in electric if meter.role == Role.FEED_IN)]:
        power = meter.power or "active_power"
        network[Series(meter.device, power)] = -1.0 if power == "active_power_export" else 1.0
    generation = [
        Series(meter.device, meter.power) for meter in electric if meter.role == Role.GENERATION and meter.power
    ]
    return network, generation


def load_now(
    network: Mapping[Series, float], generation: Sequence[Series], power: Callable[[Series], float | None]
) -> Total:
    """What is used now: network power + generation. Unknown if no network power is known."""
    drawn = total(None if (value := power(series)) is None else sign * value for series, sign in network.items())
    made = total(power(series) for series in generation)
    if drawn.value is None:
        return Total(None, made.known, drawn.meters + made.meters)
    return Total(drawn.value + abs(made.value or 0.0), drawn.known + made.known, drawn.meters + made.meters)


_HOLD_US = 60 * MINUTE
"""A gap in one of many added curves is bridged with the last value for so long; then that curve is left out."""


def added(curves: Iterable[tuple[Samples, float]], times_us: Int64s, step_us: int) -> tuple[Floats, float]:
    """The sum of signed curves at the bucket starts ``times_us``, and the share of them (0..1) that had values.

    Sums are NaN where no curve has a value.
    """
    sums = np.zeros(len(times_us))
    known = np.zeros(len(times_us))
    number = 0
    for samples, sign in curves:
        number += 1
        held = hold(samples, times_us, max(step_us, _HOLD_US))
        present = np.isfinite(held)
        sums[present] += sign * held[present]
        known += present
    sums[known == 0] = np.nan
    share = float(known.sum() / (number * len(times_us))) if number and len(times_us) else 0.0
    return sums, share


def hold(samples: Samples, times_us: Int64s, longest_us: int) -> Floats:
    """The last value at or before each time, NaN where it is older than ``longest_us``."""
    if not len(samples):
        return np.full(len(times_us), np.nan)
    index = np.searchsorted(samples.times_us, times_us, side="right") - 1
    age = times_us - samples.times_us[np.maximum(index, 0)]
    return np.where((index >= 0) & (age <= longest_us), samples.values[np.maximum(index, 0)], np.nan)


def with_gaps(name: str, samples: Samples, step_us: int) -> Curve:
    """The samples as a curve that breaks (NaN) where a bucket is missing."""
    breaks = np.flatnonzero(np.diff(samples.times_us) > step_us) + 1
    times = np.insert(samples.times_us, breaks, samples.times_us[breaks - 1] + step_us)
    return Curve(name, times, np.insert(samples.values, breaks, np.nan))


def summed(one: Samples, other: Samples) -> Samples:
    """Both added up, time by time; a quality is the highest code of the two."""
    times = np.union1d(one.times_us, other.times_us)
    values, qualities = np.zeros(len(times)), np.zeros(len(times), np.int8)
    for samples in (one, other):
        at = np.searchsorted(times, samples.times_us)
        values[at] += samples.values
        qualities[at] = np.maximum(qualities[at], samples.qualities)
    return Samples.of(times, values, qualities)


def by_local_day(samples: Samples, calendar: LocalCalendar) -> Samples:
    """Sums by local day, at the instants the days begin; ``samples`` hold buckets of an hour or less."""
    if not len(samples):
        return samples
    days = calendar.days(Window(int(samples.times_us[0]), int(samples.times_us[-1]) + 1))
    starts = np.array([calendar.midnight(day) for day in days], np.int64)
    slot = np.searchsorted(starts, samples.times_us, side="right") - 1
    present = np.unique(slot)
    sums = np.bincount(slot, samples.values, minlength=len(days)).astype(np.float64)
    qualities = np.zeros(len(days), np.int8)
    np.maximum.at(qualities, slot, samples.qualities)
    return Samples.of(starts[present], sums[present], qualities[present])


def by_parts(samples: Samples, parts: Sequence[Window]) -> list[float | None]:
    """The sum within each consecutive part, None where it holds no sample."""
    edges = np.searchsorted(samples.times_us, [part.start_us for part in parts] + [parts[-1].end_us])
    return [float(samples.values[low:high].sum()) if high > low else None for low, high in pairwise(edges)]


def parts_of(year: int, month: int | None, calendar: LocalCalendar) -> list[Window]:
    """The days of a local month, or the months of a year."""
    if month is None:
        return [calendar.month(year, number) for number in range(1, 13)]
    return [calendar.day(day) for day in calendar.days(calendar.month(year, month))]


def neighbours(year: int, month: int | None) -> tuple[tuple[int, int | None], tuple[int, int | None]]:
    """The periods before and after."""
    if month is None:
        return (year - 1, None), (year + 1, None)
    before, after = date(year, month, 1).toordinal() - 1, date(year, month, 28).toordinal() + 4
    return (
        (date.fromordinal(before).year, date.fromordinal(before).month),
        (date.fromordinal(after).year, date.fromordinal(after).month),
    )
