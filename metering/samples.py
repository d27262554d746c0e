"""A stretch of one series as arrays: what stores return and analytics works on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from metering.quality import Quality

Int64s = NDArray[np.int64]
Floats = NDArray[np.float64]
Qualities = NDArray[np.int8]


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Values of one series in ascending time, without duplicate times.

    times_us   shape (n,), int64, microseconds since the Unix epoch, UTC
    values     shape (n,), float64, canonical unit
    qualities  shape (n,), int8, `metering.quality.Quality` codes
    """

    times_us: Int64s
    values: Floats
    qualities: Qualities

    @classmethod
    def of(cls, times_us: Int64s, values: Floats, qualities: Qualities | None = None) -> Self:
        """Build from arrays of equal length; without ``qualities`` all values count as measured."""
        if qualities is None:
            qualities = np.full(len(times_us), Quality.MEASURED, dtype=np.int8)
        return cls(np.asarray(times_us, np.int64), np.asarray(values, np.float64), np.asarray(qualities, np.int8))

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Stretches one after another; at least one. Times stay as they are, ascending or not."""
        return cls.of(
            np.concatenate([part.times_us for part in parts]),
            np.concatenate([part.values for part in parts]),
            np.concatenate([part.qualities for part in parts]),
        )

    @classmethod
    def empty(cls) -> Self:
        return cls.of(np.empty(0, np.int64), np.empty(0, np.float64))

    def __len__(self) -> int:
        return len(self.times_us)

    def trusted(self) -> Self:
        """The values that no plausibility check doubts."""
        keep = self.qualities != Quality.SUSPECT
        return type(self)(self.times_us[keep], self.values[keep], self.qualities[keep])
