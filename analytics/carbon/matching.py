"""Hourly matching: how much of a load carbon-free generation covers in its own hour.

As proposed for the revision of the GHG Protocol's scope 2: what an annual balance sets off by 100 % mostly scores less.
"""

from dataclasses import dataclass

import numpy as np

from metering.samples import Floats


@dataclass(frozen=True, slots=True)
class Match:
    """Energies in kWh, of the hours in which load and generation are known.

    hours, known  how many hours there are, and of how many both are known
    covered       what of the load was met in its own hour
    """

    hours: int
    known: int
    load: float
    generated: float
    covered: float

    @property
    def score(self) -> float | None:
        """0..1, hour by hour; None without load."""
        return self.covered / self.load if self.load else None

    @property
    def balance(self) -> float | None:
        """0..1, as if all of the generation could be used at any time; None without load."""
        return min(self.generated / self.load, 1.0) if self.load else None

    def plus(self, other: "Match") -> "Match":
        """Both, each covered by its own generation alone."""
        return Match(
            self.hours + other.hours,
            self.known + other.known,
            self.load + other.load,
            self.generated + other.generated,
            self.covered + other.covered,
        )


def match(load: Floats, carbon_free: Floats) -> Match:
    """Of hours of the same time, shape (n,), kWh; NaN where unknown."""
    known = np.isfinite(load) & np.isfinite(carbon_free)
    covered = np.minimum(load[known], carbon_free[known])
    return Match(
        len(load), int(known.sum()), float(load[known].sum()), float(carbon_free[known].sum()), float(covered.sum())
    )
