"""What every instrument can do."""

from typing import Protocol

import numpy as np

from metering.samples import Floats, Int64s


class Instrument(Protocol):
    """Everything that could be measured at one place; a device shows the part that its model has a display for."""

    def show(self, times_us: Int64s) -> dict[str, Floats]:
        """Values at the ascending instants by quantity, canonical units, rounded as displays do."""


def rounded(values: Floats, digits: int) -> Floats:
    return np.asarray(np.round(values, digits))
