"""What to expect of a meter: robust medians over the time of week, and a ridge on outdoor temperature.

The medians stand anomalies in the history (up to half of a slot's weeks); the regression is reweighted so that large
residuals count little (Huber weights). Both are deterministic and learn a year of hours in milliseconds. A robust
relative of the time-of-week-and-temperature model (Mathieu et al., IEEE Transactions on Smart Grid 2 (2011) 507).
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from analytics.anomaly.curve import LoadCurve
from analytics.anomaly.week import Bools, WeekSlots
from metering.instant import DAY, HOUR
from metering.samples import Floats, Int64s

_MAD_TO_SIGMA = 1.4826  # of a normal distribution
_HEATING_C = (0.0, 5.0, 10.0, 15.0)  # below each of these, heat demand may grow at another rate
_COOLING_C = 18.0
_ROUNDS = 4
_UNFORESEEN = 0.2  # share of the high intervals where little is expected, from which on any time may have one
_EVERY = 5  # temperature changes slowly: so many intervals need one row; falls on all times of the day in turn


@dataclass(frozen=True, slots=True, eq=False)
class Expectation:
    """Per interval, in the billing unit: the expected consumption (never negative) and its usual deviation, > 0."""

    expected: Floats
    scale: Floats


@dataclass(frozen=True, slots=True, eq=False)
class ExpectedModel:
    """Learned by `fit`.

    profile  shape (slots of the week,): the usual consumption at moderate temperature, billing unit
    scale    shape (slots of the week,): the usual absolute deviation, as a standard deviation
    level    the mean consumption of an interval
    peak     its 99.9 % quantile
    days     how much history is behind this
    weights  of the temperature features, billing unit; empty if temperature is unknown or has no say
    ordinary low and high: what may be at any time, as at a charge point; low is above high where time says more
    """

    step_us: int
    profile: Floats
    scale: Floats
    level: float
    weights: Floats
    peak: float = 0.0
    days: float = 0.0
    ordinary: tuple[float, float] = (np.inf, -np.inf)

    @classmethod
    def fit(cls, curve: LoadCurve, slots: WeekSlots) -> Self:
        """Learn from the past; ``slots`` are the intervals' times of week.

        With less than three weeks of history the days of the week are taken as alike, with less than three days all
        times of day are, so there is an expectation from the first readings on.
        """
        values, temperature, step_us = curve.values, curve.temperature, curve.step_us
        known = np.where(values >= 0, values, np.nan)
        finite = known[np.isfinite(known)]
        if not len(finite):
            return cls(step_us, np.zeros(slots.count), np.ones(slots.count), 0.0, np.empty(0))
        lowest, highest, peak = (float(found) for found in np.quantile(finite, (0.01, 0.99, 0.999)))
        level = float(np.minimum(finite, peak).mean())
        medians = _SlotMedians.of(slots, _resolution(len(known) * step_us, slots.count))
        profile = medians(known)
        weights = np.empty(0)
        effect = np.zeros(len(known))
        if temperature is not None and level > 0 and np.isfinite(temperature).sum() * step_us >= 28 * DAY:
            busy = profile[slots.slot] > np.median(profile)
            features = _features(temperature, busy, step_us)
            usable = np.isfinite(known) & np.isfinite(temperature)
            profile, weights = _alternate(features, usable, known, slots, medians)
            effect = features @ weights
        deviation = np.abs(known - np.maximum(profile[slots.slot] + effect, 0.0))
        scale = _smooth(_MAD_TO_SIGMA * medians(deviation), step_us)
        floor = max(0.5 * _MAD_TO_SIGMA * float(np.nanmedian(deviation)), 0.02 * level, 1e-9)
        days, ordinary = len(known) * step_us / DAY, _ordinary(known, profile[slots.slot] + effect, lowest, highest)
        return cls(step_us, profile, np.maximum(scale, floor), level, weights, peak, days, ordinary)

    def expect(self, curve: LoadCurve, slots: WeekSlots) -> Expectation:
        """What to expect of the intervals of a curve; its values are not looked at."""
        expected = self.profile[slots.slot]
        if curve.temperature is not None and len(self.weights):
            busy = expected > np.median(self.profile)
            expected = expected + _features(curve.temperature, busy, self.step_us) @ self.weights
        return Expectation(np.maximum(expected, 0.0), self.scale[slots.slot])


def _ordinary(known: Floats, expected: Floats, low: float, high: float) -> tuple[float, float]:
    """The range of nearly all values of what is on or off, seldom between, and on at times when it used to be off."""
    on = known > 0.5 * high
    between = np.count_nonzero((known > 0.1 * high) & ~on)
    is_switched = between <= 0.5 * np.count_nonzero(on)
    unforeseen = np.count_nonzero(on & (expected < 0.25 * high))
    return (low, high) if is_switched and unforeseen > _UNFORESEEN * np.count_nonzero(on) else (np.inf, -np.inf)


def _resolution(history_us: int, count: int) -> int:
    """How many groups of slots the history can tell apart: the week's, the day's, or one."""
    if history_us >= 21 * DAY:
        return count
    return max(count // 7, 1) if history_us >= 3 * DAY else 1


@dataclass(frozen=True, slots=True, eq=False)
class _SlotMedians:
    """Medians of the slots of a week, for several quantities at the same intervals.

    place  shape (n,): position of each interval in a table with a row for each group of slots
    shape  of that table
    times  how often the groups stand in the week
    """

    place: Int64s
    shape: tuple[int, int]
    times: int

    @classmethod
    def of(cls, slots: WeekSlots, resolution: int) -> Self:
        group = slots.slot % resolution
        order = np.argsort(group, kind="stable")
        number = np.bincount(group, minlength=resolution)
        rank = np.empty(len(group), np.int64)
        rank[order] = np.arange(len(group)) - np.repeat(np.cumsum(number) - number, number)
        width = max(int(number.max(initial=0)), 1)
        return cls(group * width + rank, (resolution, width), slots.count // resolution)

    def __call__(self, values: Floats) -> Floats:
        """The median of each slot of the week; slots without a value get the median of all."""
        table = np.full(self.shape, np.nan)
        table.ravel()[self.place] = values
        table.sort(axis=1)  # missing ones come last
        present = np.isfinite(table).sum(axis=1)
        row = np.arange(len(table))
        low, high = (table[row, np.clip(at, 0, self.shape[1] - 1)] for at in ((present - 1) // 2, present // 2))
        medians = (low + high) / 2
        if not present.all():
            known = values[np.isfinite(values)]
            medians = np.where(present > 0, medians, np.median(known) if len(known) else 0.0)
        return np.tile(medians, self.times)


def _smooth(scale: Floats, step_us: int) -> Floats:
    """Mean over the neighbouring hour on either side, around the week: single slots have few values."""
    half = max(HOUR // step_us, 0)
    if half == 0 or len(scale) <= 2 * half:
        return scale
    around = np.concatenate((scale[-half:], scale, scale[:half]))
    return np.convolve(around, np.full(2 * half + 1, 1 / (2 * half + 1)), "valid")


def _features(temperature: Floats, busy: Bools, step_us: int) -> Floats:
    """Heating and cooling degrees of the mean temperature of the last 24 h, apart for busy and idle times.

    Unknown temperatures are the last known one, and without effect where none is known.
    """
    index = np.where(np.isfinite(temperature), np.arange(len(temperature)), -1)
    last = np.maximum.accumulate(index)
    filled = np.where(last >= 0, temperature[np.maximum(last, 0)], _COOLING_C)
    day = trailing_mean(filled, max(DAY // step_us, 1), 0.0)
    columns = [np.maximum(base - day, 0.0) / 10 for base in _HEATING_C]
    columns.append(np.maximum(day - _COOLING_C, 0.0) / 10)
    slow = np.stack(columns, axis=1)
    fast = np.maximum(_HEATING_C[-1] - filled, 0.0) / 10 * busy
    return np.concatenate((slow, slow * busy[:, None], fast[:, None]), axis=1)


def _alternate(
    features: Floats, usable: Bools, known: Floats, slots: WeekSlots, medians: _SlotMedians
) -> tuple[Floats, Floats]:
    """Profile and temperature weights, each fitted to what the other leaves, in turns; Huber weights at two sigma."""
    profile = medians(known)
    unit = max(float(np.abs(profile).mean()), 1e-9)
    rows = np.flatnonzero(usable)[::_EVERY]
    x, slot, had = features[rows], slots.slot[rows], known[rows] / unit
    trust: Floats = np.ones(len(x))
    ridge = len(x) * 1e-3 * np.eye(x.shape[1])
    for _ in range(_ROUNDS):
        target = had - (profile / unit)[slot]
        weighted = x.T * trust
        weights: Floats = np.linalg.solve(weighted @ x + ridge, weighted @ target).astype(np.float64)
        residual = np.abs(target - x @ weights)
        sigma = _MAD_TO_SIGMA * float(np.median(residual)) + 1e-6
        trust = np.minimum(1.0, 2 * sigma / np.maximum(residual, 1e-9)).astype(np.float64)
        profile = medians(known - features @ weights * unit)
    return profile, weights * unit


def trailing_mean(values: Floats, length: int, least: float) -> Floats:
    """Mean of the last ``length`` values up to and with each; NaN where less than ``least`` (0..1) of them is known."""
    known = np.isfinite(values)
    total = np.cumsum(np.where(known, values, 0.0))
    number = np.cumsum(known, dtype=np.float64)
    for running in (total, number):
        running[length:] -= running[:-length].copy()
    enough = (number > 0) & (number >= least * length)
    return np.where(enough, total / np.maximum(number, 1), np.nan)


def trailing_greatest(values: Floats, length: int) -> Floats:
    """Greatest of the last ``length`` values, or of as many as there are."""
    greatest, reach = values.copy(), 1
    while reach < length:  # two spans make one of up to twice the length
        further = min(reach, length - reach)
        before = greatest[: max(len(greatest) - further, 0)].copy()
        np.maximum(greatest[further:], before, out=greatest[further:])
        reach += further
    return greatest
