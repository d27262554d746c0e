"""What a meter will probably consume: the day ahead, with an interval that holds nine values of ten.

The model of its usual week (time of week, holidays, temperature: `model`) is brought to the level of the last days like
the one ahead: idle and busy times apart, school breaks by school breaks. A meter too young to have a week of its own
leans on what meters of its sort do (`class_profile`), and less so with every day.
"""

from dataclasses import dataclass

import numpy as np

from analytics.anomaly.curve import LoadCurve
from analytics.anomaly.model import ExpectedModel
from analytics.anomaly.week import Bools, Week, WeekSlots
from metering.instant import DAY, HOUR
from metering.samples import Floats, Int64s
from metering.school_breaks import in_school_break

RECENT_US = 90 * DAY
"""How much history is looked at for the level; there is a school break in most of such spans."""
_LIKE_DAYS = 7
_TRUST_DAYS = 1.0  # a level seen on so many days counts half
_LEVELS = (0.2, 5.0)
_OWN_WEEK_DAYS = 21.0  # from then on the meter's own week is known
_SPREAD_US = 28 * DAY
_OUTSIDE = 0.05  # on either side
_LEAST_SPREAD = 0.3
_YOUNG_SPREAD = 2.0  # usual deviations, and …
_CLASS_SCALE = 0.5  # … the part of the expected that one counts for, as long as only the sort of meter is known


@dataclass(frozen=True, slots=True, eq=False)
class Forecast:
    """Per interval, shape (n,): its begin (µs since the epoch, UTC), and expected, lower, upper in the billing unit."""

    start_us: Int64s
    expected: Floats
    lower: Floats
    upper: Floats


def forecast(  # noqa: PLR0913 - what is known of the meter, and of the time ahead
    history: LoadCurve,
    week: Week,
    start_us: int,
    horizon_us: int,
    *,
    model: ExpectedModel | None = None,
    class_week: Floats | None = None,
    outlook: Floats | None = None,
) -> Forecast | None:
    """The intervals from ``start_us`` (not before the end of the history) on; None if nothing was ever measured.

    model       what was learned of the meter; learned from the history if left out
    class_week  shape (168,), what meters of its sort take in each hour of the local week, in any unit
    outlook     shape (n,), outdoor temperature ahead in °C, NaN where unknown: then it stays as on the last day

    Raises ValueError for a start before the end of the history, and for one that does not continue its grid.
    """
    if not np.isfinite(history.values).any():
        return None
    past = len(history)
    curve = _extended(history, start_us, horizon_us, outlook)
    slots = week.slots(curve.start_us, curve.step_us)
    if model is None:
        model = ExpectedModel.fit(history, slots.part(0, past))
    expectation = model.expect(curve, slots)
    expected, scale = expectation.expected, expectation.scale
    own = min(model.days / _OWN_WEEK_DAYS, 1.0)
    if class_week is not None and own < 1:
        typical = _typical(class_week, curve, slots)
        expected = own * expected + (1 - own) * typical
        scale = own * scale + (1 - own) * np.maximum(scale, _CLASS_SCALE * typical)
    expected = expected * _level(curve, expected, slots, week)
    low, high = _spread(curve, expected, scale)
    ahead = slice((start_us - int(curve.start_us[0])) // curve.step_us, None)
    return Forecast(
        curve.start_us[ahead],
        expected[ahead],
        np.maximum((expected + low * scale)[ahead], 0.0),
        (expected + high * scale)[ahead],
    )


def _extended(history: LoadCurve, start_us: int, horizon_us: int, outlook: Floats | None) -> LoadCurve:
    """The history and, with unknown values, the time up to the end of the horizon."""
    step_us = history.step_us
    end_us = int(history.start_us[-1]) + step_us
    if start_us < end_us or (start_us - end_us) % step_us:
        raise ValueError(f"a forecast begins where the history ends ({end_us} µs) or whole intervals later")
    starts = np.arange(int(history.start_us[0]), start_us + horizon_us, step_us, dtype=np.int64)
    unknown = np.full(len(starts) - len(history), np.nan)
    temperature = history.temperature
    if temperature is not None:
        known = unknown.copy()
        if outlook is not None:
            known[-len(outlook) :] = outlook
        temperature = _persisted(np.concatenate((temperature, known)), len(history), DAY // step_us)
    return LoadCurve(starts, step_us, np.concatenate((history.values, unknown)), temperature)


def _persisted(temperature: Floats, past: int, day: int) -> Floats:
    """Unknown temperatures from position ``past`` on are those of the day before."""
    found = temperature.copy()
    for begin in range(past, len(found), max(day, 1)):
        part = found[begin : begin + day]
        before = found[max(begin - day, 0) : begin][: len(part)]
        if len(before) == len(part):
            np.copyto(part, before, where=~np.isfinite(part))
    return found


def _typical(class_week: Floats, curve: LoadCurve, slots: WeekSlots) -> Floats:
    """The week of the meter's sort, in the meter's own size."""
    shape = class_week[slots.slot * curve.step_us // HOUR]
    known = np.isfinite(curve.values) & (shape > 0)
    return shape * (float(curve.values[known].sum() / shape[known].sum()) if known.any() else 0.0)


def _level(curve: LoadCurve, expected: Floats, slots: WeekSlots, week: Week) -> Floats:
    """Per interval: how many times the expected the last like days had."""
    day = week.local_days(curve.start_us)
    first = int(day[0])
    on_break = in_school_break(np.arange(first, int(day[-1]) + 1))
    known = np.isfinite(curve.values)
    found = np.ones(len(curve))
    for part in (slots.off, ~slots.off):
        ratio = _daily_ratios(curve, expected, known & part, day - first)
        for state in (False, True):
            like = np.flatnonzero(np.isfinite(ratio) & (on_break == state))[-_LIKE_DAYS:]
            if len(like):
                weight = len(like) / (len(like) + _TRUST_DAYS)
                level = 1 + weight * (float(np.median(ratio[like])) - 1)
                found[part & (on_break[day - first] == state)] = min(max(level, _LEVELS[0]), _LEVELS[1])
    return found


def _daily_ratios(curve: LoadCurve, expected: Floats, known: Bools, day: Int64s) -> Floats:
    """Consumed over expected of each day, by what is known of it; NaN where that is less than an hour."""
    days = int(day[-1]) + 1
    number = np.bincount(day[known], minlength=days) * curve.step_us
    consumed = np.bincount(day[known], curve.values[known], days)
    wanted = np.bincount(day[known], expected[known], days)
    return np.where((number >= HOUR) & (wanted > 0), consumed / np.maximum(wanted, 1e-12), np.nan)


def _spread(curve: LoadCurve, expected: Floats, scale: Floats) -> tuple[float, float]:
    """Between which of its usual deviations nine values of ten lay lately."""
    off = (curve.values - expected) / scale
    off = off[np.isfinite(off)][-(_SPREAD_US // curve.step_us) :]
    if len(off) * curve.step_us < 3 * DAY:
        return -_YOUNG_SPREAD, _YOUNG_SPREAD
    low, high = (float(bound) for bound in np.quantile(off, (_OUTSIDE, 1 - _OUTSIDE)))
    return min(low, -_LEAST_SPREAD), max(high, _LEAST_SPREAD)
