"""Noise as a pure function of where you look: the same seed, name and index always give the same number.

A counter-based generator (splitmix64, Steele, Lea & Flood 2014) instead of a stream of random numbers, so that a value
does not depend on which values were asked for before it.
"""

from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np

from metering.samples import Floats, Int64s

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


@dataclass(frozen=True)
class Noise:
    """The noise of one ``name`` (a load, a sensor) in the town of ``seed``."""

    seed: int
    name: str
    _key: np.uint64 = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        digest = blake2b(f"{self.seed}/{self.name}".encode(), digest_size=8).digest()
        object.__setattr__(self, "_key", np.frombuffer(digest, np.uint64)[0])

    def of(self, name: str) -> "Noise":
        """Noise independent of this one, for another purpose of the same thing."""
        return Noise(self.seed, f"{self.name}/{name}")

    def uniform(self, index: Int64s) -> Floats:
        """Independent numbers, uniform in [0, 1), one for each integer index."""
        mixed = index.astype(np.uint64) * _GOLDEN + self._key
        mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX_1
        mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX_2
        mixed ^= mixed >> np.uint64(31)
        return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def normal(self, index: Int64s) -> Floats:
        """Independent numbers of mean 0 and variance 1, near enough to normal: the sum of three uniform ones."""
        total = self.uniform(3 * index) + self.uniform(3 * index + 1) + self.uniform(3 * index + 2)
        return (total - 1.5) * 2.0

    def smooth(self, time: Int64s | Floats, period: float) -> Floats:
        """A continuous random curve of mean 0 and variance 1 whose values ``period`` apart are independent.

        ``time`` and ``period`` are in the same unit. Between lattice points the weights are sine and cosine, which
        keeps the variance at 1 everywhere.
        """
        position = np.asarray(time, np.float64) / period
        left = np.floor(position)
        angle = (position - left) * (np.pi / 2)
        first = int(left.min()) if len(left) else 0
        last = int(left.max()) + 1 if len(left) else 0
        if last - first <= len(left):
            lattice = self.normal(np.arange(first, last + 1, dtype=np.int64))
            at = left.astype(np.int64) - first
            return np.asarray(lattice[at] * np.cos(angle) + lattice[at + 1] * np.sin(angle))
        at = left.astype(np.int64)
        return self.normal(at) * np.cos(angle) + self.normal(at + 1) * np.sin(angle)
