"""What the models of a meter said of each interval while its history went by: the ground that symptoms stand on."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from analytics.anomaly.model import Expectation, ExpectedModel
from analytics.anomaly.week import WeekSlots
from metering.instant import HOUR
from metering.samples import Floats

SHIFTS_H = (-9, -7, -5, -3, -2, -1, 1, 2, 3, 5, 7, 9)
"""By how many hours a clock may be off, to try."""

STATISTICS = (
    *("limit_gap", "limit_negative", "limit_stuck", "limit_high", "limit_low", "limit_fraction", "limit_high_1d"),
    *("limit_high_3d", "limit_low_1d", "limit_low_3d", "limit_less_1d", "limit_flow_2d"),
)
"""Names of the rows of `Trace.strength`: statistics of `rules` and `evidence` in units of their own limits."""


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """Per interval, billing units; n intervals.

    expected, scale  shape (n,), of `model.Expectation`
    level, peak      shape (n,), mean and 99.9 % quantile of what the model was learned from
    contrast         shape (n,), range of the weekly profile, in levels
    noise            shape (n,), mean usual deviation, in levels
    days             shape (n,), length of the history behind the model
    workday          shape (n,), what a working day would have at this time of day
    shifted          shape (len(SHIFTS_H), n), what would be expected if the clock were so many hours fast
    strength         shape (len(STATISTICS), n), of the single statistics of `evidence` and `rules`
    bounds           shape (2, n), outside which a single interval is unusual
    """

    expected: Floats
    scale: Floats
    level: Floats
    peak: Floats
    contrast: Floats
    noise: Floats
    days: Floats
    workday: Floats
    shifted: Floats
    strength: Floats
    bounds: Floats

    @classmethod
    def of(
        cls, model: ExpectedModel, expectation: Expectation, slots: WeekSlots, strength: Floats, bounds: Floats
    ) -> Self:
        """What ``model`` says of the intervals with these times of week."""
        usual = model.profile[slots.slot]
        beside = expectation.expected - usual
        per_day = max(slots.count // 7, 1)
        workday = np.median(model.profile[: 5 * per_day].reshape(-1, per_day), axis=0)
        moved = [model.profile[(slots.slot + h * HOUR // model.step_us) % slots.count] for h in SHIFTS_H]
        n, level = len(usual), max(model.level, 1e-12)
        low, high = np.quantile(model.profile, (0.05, 0.95))
        return cls(
            expectation.expected,
            expectation.scale,
            np.full(n, level),
            np.full(n, max(model.peak, level)),
            np.full(n, (high - low) / level),
            np.full(n, float(model.scale.mean()) / level),
            np.full(n, model.days),
            workday[slots.slot % per_day] + beside,
            np.stack(moved) + beside,
            strength,
            bounds,
        )

    def after(self, count: int) -> Self:
        """Without the first ``count`` intervals."""
        return type(self)(*(getattr(self, each.name)[..., count:] for each in fields(self)))

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """One after the other."""
        return cls(*(np.concatenate([getattr(part, each.name) for part in parts], axis=-1) for each in fields(cls)))
