"""Symptoms of faults: what the learned classifier looks at. Causal, scale-free, none of them tied to one meter.

Each column compares the last hours, days or weeks with what the meter's own model expected of them (`trace`), and many
come a second time in units of the meter's own past (`usual`): 1 is what is seen on two days of a hundred.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from analytics.anomaly.curve import LoadCurve
from analytics.anomaly.evidence import run_lengths, trailing_least
from analytics.anomaly.trace import SHIFTS_H, STATISTICS, Trace
from analytics.anomaly.usual import Usual
from analytics.anomaly.week import WeekSlots
from metering.instant import DAY, HOUR
from metering.samples import Floats, Int64s

LEAD_IN_US = 42 * DAY
"""How much earlier data the longest of the symptoms looks at."""
_CLIP = 4.0  # deviations beyond this count no more: one spike shall not look like a lasting change


_RELATIVE = (
    "dev_",
    "abs_",
    "off_",
    "busy_",
    "gain_",
    "lift_",
    "shift_fits_",
    "shift_one",
    "least_",
    "ratio_",
    "moves_",
    "workday_",
    "new_",
    "rise_",
    "fall_",
    "now",
    "zero_",
    "peak",
)
"""Beginnings of the names of symptoms that are also measured by the meter's own past."""


@dataclass(frozen=True, slots=True, eq=False)
class Symptoms:
    """Names of the columns, and the symptoms of n intervals, shape (n, columns), float32, NaN while unknown."""

    names: tuple[str, ...]
    rows: NDArray[np.float32]

    @classmethod
    def of(cls, curve: LoadCurve, slots: WeekSlots, trace: Trace) -> Self:
        """The symptoms of consecutive intervals, and how strong each of the single statistics is."""
        found = _Look(curve, slots, trace).all() | dict(zip(STATISTICS, trace.strength, strict=True))
        columns = np.empty((len(found), len(curve)), np.float32)
        for column, values in zip(columns, found.values(), strict=True):
            column[:] = values
        return cls(tuple(found), columns.T)

    @property
    def comparable(self) -> NDArray[np.float32]:
        """The columns that are measured by the meter's own past, too."""
        return self.rows.T[[name.startswith(_RELATIVE) for name in self.names]].T

    def beside(self, comparable: NDArray[np.float32], yardsticks: Iterable[tuple[slice, Usual]]) -> Self:
        """These, and the comparable columns in units of the meter's own past: which of it holds for which intervals."""
        names = [f"own_{name}" for name in self.names if name.startswith(_RELATIVE)]
        columns = np.empty((len(self.names) + len(names), len(self.rows)), np.float32)
        columns[: len(self.names)] = self.rows.T
        for part, usual in yardsticks:
            columns[len(self.names) :, part] = usual.relative(comparable[part]).T
        return type(self)((*self.names, *names), columns.T)

    def column(self, name: str) -> NDArray[np.float32]:
        """One symptom, shape (n,)."""
        return self.rows[:, self.names.index(name)]

    def after(self, count: int) -> Self:
        """Without the first ``count`` intervals."""
        return type(self)(self.names, self.rows[count:])

    def at(self, positions: Int64s) -> Self:
        """Some of the intervals."""
        return type(self)(self.names, self.rows[positions])


class Sums:
    """Trailing sums of a quantity over any length, NaN counting as nothing; last axis is time."""

    def __init__(self, values: Floats) -> None:
        self._total = np.zeros((*values.shape[:-1], values.shape[-1] + 1))
        np.cumsum(np.nan_to_num(values), axis=-1, out=self._total[..., 1:])

    def over(self, length: int, lag: int = 0) -> Floats:
        """Sum of the ``length`` values up to and with the one ``lag`` before each."""
        total, begin = self._total, lag + length
        count = total.shape[-1] - 1
        found = np.zeros((*total.shape[:-1], count))
        found[..., lag:] = total[..., 1 : max(count - lag, 0) + 1]
        found[..., begin:] -= total[..., 1 : max(count - begin, 0) + 1]
        return found


class _Look:
    """One look at consecutive intervals; each method gives one group of symptoms, all of shape (n,)."""

    def __init__(self, curve: LoadCurve, slots: WeekSlots, trace: Trace) -> None:
        self.curve, self.slots, self.trace = curve, slots, trace
        self.values, self.expected, self.scale, self.level = curve.values, trace.expected, trace.scale, trace.level
        self.known = np.isfinite(self.values)
        self.raw = (self.values - self.expected) / self.scale
        self.clipped = np.clip(self.raw, -_CLIP, _CLIP)
        self.residual = np.clip(self.raw, -6.0, 6.0) * self.scale
        self.count = Sums(self.known.astype(np.float64))
        off = slots.off & self.known
        self.off, self.off_count = off, Sums(off.astype(np.float64))

    def all(self) -> dict[str, Floats]:
        """The symptoms by name; NaN where one cannot be had yet."""
        groups = (self.deviations, self.shapes, self.worked, self.clock, self.now, self.moves, self.least, self.new)
        return {name: values for group in (*groups, self.position) for name, values in group().items()}

    def span(self, hours: float) -> int:
        """So many intervals."""
        return max(round(hours * HOUR / self.curve.step_us), 1)

    def mean(self, sums: Sums, hours: float, lag: float = 0.0) -> Floats:
        """Mean of what is known of a span that ended ``lag`` hours ago."""
        length, back = self.span(hours), self.span(lag) if lag else 0
        return _ratio(sums.over(length, back), self.count.over(length, back), 0.3 * length)

    def deviations(self) -> dict[str, Floats]:
        """Mean deviation, at idle and at busy times, and against what it was before."""
        deviation, size = Sums(self.clipped), Sums(np.abs(self.clipped))
        off_deviation = Sums(np.where(self.off, self.clipped, 0.0))
        found = {f"dev_{h}": self.mean(deviation, h) for h in (3, 6, 12, 24, 48, 72, 168, 336, 672)}
        found |= {f"abs_{h}": self.mean(size, h) for h in (6, 24, 72, 168)}
        for h in (24, 72, 168, 336):
            length = self.span(h)
            idle, number = off_deviation.over(length), self.off_count.over(length)
            found[f"off_{h}"] = _ratio(idle, number, 0.1 * length)
            found[f"busy_{h}"] = _ratio(deviation.over(length) - idle, self.count.over(length) - number, 0.1 * length)
        found["dev_24_before"] = found["dev_24"] - self.mean(deviation, 168, 24)
        found["dev_72_before"] = found["dev_72"] - self.mean(deviation, 336, 72)
        found["dev_168_before"] = found["dev_168"] - self.mean(deviation, 672, 168)
        return found

    def shapes(self) -> dict[str, Floats]:
        """What the residual looks like: a share of the expected, a constant, a constant at idle times."""
        total, squares = Sums(self.residual), Sums(self.residual**2)
        along, expected2 = Sums(self.residual * self.expected), Sums(np.where(self.known, self.expected**2, 0.0))
        idle = Sums(np.where(self.off, self.residual, 0.0))
        found, gain = {}, {}
        for h in (24, 72, 168, 336, 672):
            length = self.span(h)
            gain[h] = np.clip(_ratio(along.over(length), expected2.over(length)), -1.0, 6.0)
            found[f"gain_{h}"] = gain[h]
        for h in (24, 72, 168):
            length = self.span(h)
            energy = squares.over(length) + 1e-12
            found[f"lift_{h}"] = np.clip(self.mean(total, h) / self.level, -2.0, 6.0)
            found[f"fits_gain_{h}"] = _ratio(along.over(length) ** 2, expected2.over(length)) / energy
            found[f"fits_constant_{h}"] = _ratio(total.over(length) ** 2, self.count.over(length)) / energy
            found[f"fits_off_{h}"] = _ratio(idle.over(length) ** 2, self.off_count.over(length)) / energy
        found["gain_rise_3"] = gain[72] - _back(gain[168], self.span(72))
        found["gain_rise_7"] = gain[168] - _back(gain[168], self.span(168))
        found["gain_rise_14"] = gain[168] - _back(gain[336], self.span(336))
        found["gain_rise_28"] = gain[336] - _back(gain[672], self.span(336))
        return found

    def worked(self) -> dict[str, Floats]:
        """How much of a working day there is in an idle time: 0 none, 1 all."""
        extra = self.trace.workday - self.expected
        worked, extra2 = Sums(self.residual * extra), Sums(np.where(self.known, extra * extra, 0.0))
        found = {}
        for h in (6, 12, 24, 48):
            length = self.span(h)
            share = _ratio(worked.over(length), extra2.over(length), 0.01 * self.level**2 * length)
            found[f"workday_{h}"] = np.clip(share, -2.0, 3.0)
        return found

    def clock(self) -> dict[str, Floats]:
        """How much better the values fit if the clock is off by some hours, and by how many."""
        misses = np.concatenate(((self.values - self.expected)[None], self.values - self.trace.shifted))
        wrong = Sums(np.minimum(np.abs(misses) / self.scale, _CLIP))
        found = {}
        for h in (24, 48, 120, 240):
            length = self.span(h)
            distances = wrong.over(length) / np.maximum(self.count.over(length), 1.0) + 0.1
            best = distances[1:].argmin(axis=0)
            found[f"shift_fits_{h}"] = np.log(distances[0] / np.take_along_axis(distances[1:], best[None], 0)[0])
            found[f"shift_h_{h}"] = np.array(SHIFTS_H, np.float64)[best]
        middle = len(SHIFTS_H) // 2
        for h in (48, 120):
            distances = wrong.over(self.span(h)) + 0.1 * self.span(h)
            near = np.minimum(distances[middle], distances[middle + 1])
            found[f"shift_one_{h}"] = np.log(distances[0] / near)
        return found

    def now(self) -> dict[str, Floats]:
        """The interval itself."""
        values, raw, small = self.values, self.raw, 0.01 * self.level
        now = np.sign(raw) * np.log1p(np.abs(raw))
        return {
            "now": now,
            "times": np.log10((np.maximum(values, 0.0) + 1e-4 * self.level) / (self.expected + small)),
            "peak": np.log((np.maximum(values, 0.0) + small) / (self.trace.peak + small)),
            "now_before": _back(now, 1),
            "negative": np.where(values < 0, np.log10(np.maximum(-values, 1e-9) / self.level) + 5, 0.0),
        }

    def moves(self) -> dict[str, Floats]:
        """How lively the values are, and how many times the expected, over some hours."""
        values, expected, level = self.values, self.expected, self.level
        moves = Sums(np.abs(np.diff(values, prepend=np.nan)) / level)
        usual = Sums(np.abs(np.diff(expected, prepend=expected[:1])) / level)
        noise = Sums(self.scale / level)
        had = Sums(np.clip(values, 0.0, expected + 6 * self.scale))
        wanted = Sums(np.where(self.known, expected, np.nan))
        found = {}
        for h in (3, 6, 24):
            length = self.span(h)
            lively = usual.over(length) + 0.5 * noise.over(length) + 1e-4
            found[f"moves_{h}"] = np.log((moves.over(length) + 1e-4) / lively)
            small = 0.001 * level * length
            found[f"ratio_{h}"] = np.log((had.over(length) + small) / (wanted.over(length) + small))
        return found

    def least(self) -> dict[str, Floats]:
        """Constant flow, zero, standing still, missing."""
        values, length = self.values, self.span(24)
        found = {f"least_{h}": trailing_least(values, self.span(h)) / self.level for h in (6, 12, 24, 48, 72)}
        nothing = Sums((values <= 1e-3 * self.level).astype(np.float64))
        found |= {f"zero_{h}": self.mean(nothing, h) for h in (24, 72)}
        same = run_lengths(np.concatenate((np.zeros(1, bool), values[1:] == values[:-1])))
        found["same_h"] = np.log1p(same * self.curve.step_us / HOUR)
        found["missing"] = (~self.known).astype(np.float64)
        found["known_24"] = self.count.over(length) / length
        return found

    def new(self) -> dict[str, Floats]:
        """Against the same time of the last four weeks, and since when things have been different."""
        filled = np.where(self.known, self.values, self.expected)
        weeks = np.sort(np.stack([_back(filled, self.span(168 * number)) for number in (1, 2, 3, 4)]), axis=0)
        recent = Sums(np.clip((self.values - 0.5 * (weeks[1] + weeks[2])) / self.scale, -_CLIP, _CLIP))
        found = {f"new_{h}": self.mean(recent, h) for h in (6, 24, 72, 168)}
        found["rise_d"], found["rise_sum"] = _cusum(self.clipped, 0.4, self.span(24))
        found["fall_d"], found["fall_sum"] = _cusum(-self.clipped, 0.4, self.span(24))
        return found

    def position(self) -> dict[str, Floats]:
        """When it is, and what sort of meter this is."""
        slots, trace, step_h = self.slots, self.trace, self.curve.step_us / HOUR
        per_day = max(slots.count // 7, 1)
        return {
            "hour": (slots.slot % per_day).astype(np.float64) * step_h,
            "weekday": (slots.slot // per_day).astype(np.float64),
            "off": slots.off.astype(np.float64),
            "contrast": trace.contrast,
            "noise": trace.noise,
            "learned_days": np.minimum(trace.days, 200.0).astype(np.float64),
            "expected": self.expected / self.level,
            "scale": self.scale / self.level,
            "step_h": np.full(len(self.values), step_h),
        }


def _ratio(above: Floats, below: Floats, least: Floats | float = 1e-9) -> Floats:
    """NaN where what is below does not exceed ``least``."""
    return np.where(below > least, above / np.maximum(below, 1e-12), np.nan)


def _back(values: Floats, lag: int) -> Floats:
    """The values ``lag`` intervals ago; NaN before the first."""
    lag = min(lag, len(values))
    return np.concatenate((np.full(lag, np.nan), values[: len(values) - lag]))


def _cusum(deviation: Floats, allowance: float, day: int) -> tuple[Floats, Floats]:
    """One-sided cumulative sum (Page 1954): for how many days it has been above zero, and how high it stands (days)."""
    total = np.cumsum(np.nan_to_num(deviation) - allowance)
    least = np.minimum.accumulate(np.minimum(total, 0.0))
    index = np.arange(len(total))
    since = index - np.maximum.accumulate(np.where(total <= least, index, 0))
    return since / day, np.log1p((total - least) / day)
