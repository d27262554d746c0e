"""Sixty days of the simulated town: its meters' energy against the simulator's own integral of the loads.

Registers cut off after their last digit, so two registers differ from the integral by less than that digit; against the
register itself every sum is right to the last millionth.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

from analytics.energy.consumption import consumption
from analytics.energy.intervals import MICRO, Intervals
from device_sim.device import SimDevice
from device_sim.faults.showing import RegisterReset, ShowingFault, Silent, Spike, Spoiled
from device_sim.town import Town
from metering.estate import Counter, Exchange
from metering.instant import DAY, HOUR, MINUTE, QUARTER_HOUR, Window, parse
from metering.quality import Quality
from metering.samples import Floats, Int64s, Samples

START = parse("2026-09-15T00:00:00Z")  # over the end of summer time
DAYS = 60
PAST = Window(START, START + DAYS * DAY)
TIMES: Int64s = np.arange(PAST.start_us, PAST.end_us + 1, QUARTER_HOUR, dtype=np.int64)
TOWN = Town(7, START)
DEVICES = {device.id: device for device in TOWN.devices}
COARSEST = 1.0  # kWh: the last digit of the town's heat meters


@dataclass(frozen=True)
class Metered:
    """A meter's readings as shown, and the register as it really was (millionths)."""

    shown: Samples
    true: Int64s


@cache
def shows(device: str) -> dict[str, Floats]:
    return DEVICES[device].at(TIMES)


def metered(meter_id: str, *faults: tuple[ShowingFault, Window]) -> Metered:
    meter = TOWN.estate.meters[meter_id]
    sound: SimDevice = DEVICES[meter.device]
    device = sound
    for fault, window in faults:
        device = Spoiled(device, fault, window)
    right = shows(sound.id)[meter.register]
    values = device.at(TIMES)[meter.register] if faults else right
    known = np.isfinite(values)
    true = np.rint(right * MICRO).astype(np.int64)
    return Metered(Samples.of(TIMES[known], values[known]), true)


def counted(shown: Samples, counter: Counter | None = None, *, substitute: bool = True) -> Intervals:
    return consumption(shown, PAST, QUARTER_HOUR, counter=counter or Counter(), substitute=substitute)


def millionths(intervals: Intervals) -> int:
    return round(intervals.total * MICRO)


def used(true: Int64s, window: Window | None = None) -> int:
    """What the register counted, over the whole or between two of its readings."""
    if window is None:
        return int(true[-1] - true[0])
    first, last = np.searchsorted(TIMES, (window.start_us, window.end_us))
    return int(true[last] - true[first])


def part(begin: int, end: int) -> Window:
    """A part of the past, from and to so many µs after its begin."""
    return Window(START + begin, START + end)


def gap(*devices: str) -> Silent:
    return Silent(kind="gap", begin="+0s", devices=devices)


def reset(device: str, to: float) -> RegisterReset:
    return RegisterReset(kind="register_reset", begin="+0s", devices=(device,), to=to)


@pytest.mark.parametrize("meter", list(TOWN.estate.meters))
def test_every_sound_meter_s_energy_is_the_simulator_s_integral(meter: str) -> None:
    found = metered(meter)
    intervals = counted(found.shown)
    assert millionths(intervals) == used(found.true)
    assert intervals.completeness.min() == 1.0
    assert abs(intervals.total - TOWN.consumption(meter, PAST)) < COARSEST + 1e-6
    day = part(40 * DAY, 41 * DAY)
    assert millionths(intervals.within(day)) == used(found.true, day)


def test_the_registers_with_most_digits_are_right_to_the_last_wh() -> None:
    fine = [
        meter for meter in TOWN.estate.meters.values() if _digits(meter.device) >= 3 and meter.carrier.unit == "kWh"
    ]
    assert len(fine) > 3
    for meter in fine:
        truth = TOWN.consumption(meter.id, PAST)
        assert abs(counted(metered(meter.id).shown).total - truth) < 0.001 + 1e-6, meter.id


def _digits(device: str) -> int:
    last = shows(device)
    register = next(value for name, value in last.items() if "energy" in name or "volume" in name)
    text = f"{float(register[-1]):.6f}".rstrip("0")
    return len(text.partition(".")[2])


@pytest.mark.parametrize("meter", ["depot-main.supply", "gym-main.supply", "kita-gas.supply", "pool-heat.supply"])
def test_a_recorded_exchange_loses_nothing_even_while_nobody_listened(meter: str) -> None:
    device = TOWN.estate.meters[meter].device
    at = START + 20 * DAY + 7 * MINUTE
    index = float(DEVICES[device].at(np.array([at], np.int64))[TOWN.estate.meters[meter].register][0])
    outage = Window(at - 3 * HOUR, at + 5 * HOUR)
    found = metered(meter, (reset(device, 137.4), Window(at, PAST.end_us + DAY)), (gap(device), outage))
    counter = Counter(exchanges=(Exchange(at, end=index, start=137.4, serial="1EMH0012345678"),))
    intervals = counted(found.shown, counter)
    assert millionths(intervals) == used(found.true)
    assert abs(intervals.total - TOWN.consumption(meter, PAST)) < COARSEST + 1e-6
    assert set(np.unique(intervals.qualities)) == {Quality.MEASURED, Quality.SUBSTITUTED}


def test_an_exchange_that_nobody_recorded_is_unknowable_and_completeness_says_for_how_long() -> None:
    at = START + 33 * DAY + 5 * MINUTE
    found = metered("pool-main.supply", (reset("pool-main", 0.0), Window(at, PAST.end_us + DAY)))
    intervals = counted(found.shown)
    across = part(33 * DAY, 33 * DAY + QUARTER_HOUR)
    assert millionths(intervals) == used(found.true) - used(found.true, across)
    assert intervals.completeness.sum() == len(intervals) - 1
    (unknown,) = np.flatnonzero(intervals.completeness < 1)
    assert intervals.start_us[unknown] == across.start_us


@pytest.mark.parametrize("days", [1, 5, 30])
def test_an_outage_is_bridged_to_the_last_digit_if_asked_and_left_open_otherwise(days: int) -> None:
    outage = part(20 * DAY + QUARTER_HOUR, (20 + days) * DAY)
    found = metered("townhall-main.supply", (gap("townhall-main"), outage))
    bridged = counted(found.shown)
    assert millionths(bridged) == used(found.true)
    silent = counted(found.shown, substitute=False)
    unknown = Window(outage.start_us - QUARTER_HOUR, outage.end_us)
    assert millionths(silent) == used(found.true) - used(found.true, unknown)
    assert millionths(silent.filled()) == used(found.true), "days and months have what the gap lacks"
    for intervals in (bridged, silent):
        assert intervals.completeness.sum() == len(intervals) - unknown.duration_us // QUARTER_HOUR


def test_bad_reads_become_no_energy() -> None:
    register = "active_energy_import"
    wild = [
        (
            Spike(kind="spike", begin="+0s", devices=("kita-main",), factor=factor, quantity=register),
            part(at, at + last),
        )
        for factor, at, last in (
            (25.0, 10 * DAY, 1),
            (0.0, 15 * DAY + 20 * HOUR, 10 * HOUR),  # 0 all night
            (0.89, 22 * DAY, HOUR),
            (1000.0, 30 * DAY, 3 * HOUR),  # Wh for kWh
        )
    ]
    found = metered("kita-main.supply", *wild)
    intervals = counted(found.shown)
    assert millionths(intervals) == used(found.true)
    true = np.diff(found.true) / MICRO
    assert np.nanmax(intervals.consumption) <= true.max()


@pytest.mark.parametrize(("meter", "rollover"), [("depot-main.supply", 838.8608), ("school-water.supply", 65.536)])
def test_rollovers_lose_nothing(meter: str, rollover: float) -> None:
    found = metered(meter)
    rolled = Samples.of(TIMES, np.asarray(np.round(np.mod(found.shown.values, rollover), 6), np.float64))
    assert np.count_nonzero(np.diff(rolled.values) < 0) >= 2
    intervals = counted(rolled, Counter(rollover=rollover))
    assert millionths(intervals) == used(found.true)
    assert intervals.completeness.min() == 1.0


@pytest.mark.parametrize("spoil", [lambda known: known % 7 != 3, lambda known: (known < 3000) | (known > 3200)])
def test_what_came_late_and_out_of_order_counts_as_if_it_had_come_in_time(spoil: Callable[[Int64s], Floats]) -> None:
    found = metered("townhall-water.supply")
    whole = counted(found.shown)
    in_time = spoil(np.arange(len(TIMES), dtype=np.int64)).astype(bool)
    first = counted(Samples.of(TIMES[in_time], found.shown.values[in_time]))
    order = np.argsort(np.concatenate((TIMES[in_time], TIMES[~in_time])), kind="stable")
    values = np.concatenate((found.shown.values[in_time], found.shown.values[~in_time]))
    second = counted(Samples.of(np.concatenate((TIMES[in_time], TIMES[~in_time]))[order], values[order]))
    assert millionths(first) == millionths(second) == millionths(whole) == used(found.true)
    np.testing.assert_array_equal(second.consumption, whole.consumption)
    np.testing.assert_array_equal(second.completeness, whole.completeness)
