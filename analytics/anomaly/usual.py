"""What is usual for a meter: its own past symptoms as a yardstick, so that the same column means the same at each."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from analytics.anomaly.week import Bools
from metering.instant import HOUR

_EVERY_H = 17  # one row in so many hours is enough, and falls on all times of the day in turn
_LEAST = 20
_OUTSIDE = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class Usual:
    """Median and half the range that holds 96 % of the past, of each column; shape (columns,), NaN while unknown."""

    median: NDArray[np.float32]
    spread: NDArray[np.float32]

    @classmethod
    def of(cls, past: NDArray[np.float32], trusted: Bools, step_us: int) -> Self:
        """Learn from the rows of ``past``, shape (n, columns), that are trusted."""
        every = max(_EVERY_H * HOUR // step_us, 1) + (0 if step_us >= HOUR else 1)
        columns = np.sort(past.T[:, ::-every][:, trusted[::-every]])  # missing ones come last
        width, length = columns.shape
        count = np.isfinite(columns).sum(axis=1)
        if not length:
            return cls.unknown(width)

        def quantile(share: float) -> NDArray[np.float32]:
            found: NDArray[np.float32] = columns[
                np.arange(width), np.clip((share * (count - 1)).round().astype(np.int64), 0, length - 1)
            ]
            return found

        low, median, high = quantile(_OUTSIDE), quantile(0.5), quantile(1 - _OUTSIDE)
        known = count >= _LEAST
        spread = np.maximum((high - low) / 2, 1e-6)
        return cls(np.where(known, median, np.nan), np.where(known, spread, np.nan))

    @classmethod
    def unknown(cls, columns: int) -> Self:
        """Nothing is known of the meter yet."""
        nothing = np.full(columns, np.nan, np.float32)
        return cls(nothing, nothing)

    def relative(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """The rows in units of the usual: 0 is the median, beyond ±1 lies what is seen on few days."""
        found: NDArray[np.float32] = np.clip((rows - self.median) / self.spread, -8.0, 8.0)
        return found
