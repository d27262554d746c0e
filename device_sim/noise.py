"""Noise as a pure function of where you look: the same seed, name and index always give the same number.

A counter-based generator (splitmix64, Steele, Lea & Flood 2014) instead of a stream of random numbers, so that a value
does not depend on which values were asked for before it.
"""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from metering.samples import Floats, Int64s

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_THIRD = np.uint64(2**21 - 1)


@dataclass(frozen=True)
class Noise:
    """The noise of one ``name`` (a load, a sensor) in the town of ``seed``."""

    seed: int
    name: str

    def of(self, name: str) -> "Noise":
        """Noise independent of this one, for another purpose of the same thing."""
        return Noise(self.seed, f"{self.name}/{name}")

    def uniform(self, index: Int64s) -> Floats:
        """Independent numbers, uniform in [0, 1), one for each integer index."""
        return (self._bits(index) >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def normal(self, index: Int64s) -> Floats:
        """Independent numbers of mean 0 and variance 1, near enough to normal: the sum of three uniform ones."""
        bits = self._bits(index)
        total = (bits & _THIRD) + ((bits >> np.uint64(21)) & _THIRD) + ((bits >> np.uint64(42)) & _THIRD)
        return np.asarray(total.astype(np.float64) * 2.0**-20 - 3.0)

    def smooth(self, time: Int64s | Floats, period: float) -> Floats:
        """A continuous random curve of mean 0 and variance 1 whose values ``period`` apart are independent.

        ``time`` and ``period`` are in the same unit. Between lattice points the weights are sine and cosine, which
        keeps the variance at 1 everywhere.
        """
        position = np.asarray(time, np.float64) / period
        left = np.floor(position)
        angle = (position - left) * (np.pi / 2)
        at = left.astype(np.int64)
        if len(at) == 1:  # live polling asks for the same two lattice points again and again
            before, after = _neighbours(self, int(at[0]))
        else:
            before, after = self.normal(at), self.normal(at + 1)
        return before * np.cos(angle) + after * np.sin(angle)

    def _bits(self, index: Int64s) -> NDArray[np.uint64]:
        mixed = index.astype(np.uint64) * _GOLDEN + _key(self.seed, self.name)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX_1
        mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX_2
        return mixed ^ (mixed >> np.uint64(31))


@lru_cache(maxsize=4096)
def _key(seed: int, name: str) -> np.uint64:
    digest = blake2b(f"{seed}/{name}".encode(), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "little"))


@lru_cache(maxsize=4096)
def _neighbours(noise: Noise, index: int) -> tuple[Floats, Floats]:
    values = noise.normal(np.array([index, index + 1], np.int64))
    return values[:1], values[1:]
