"""School breaks: days on which schools, sports halls and much else need less. Data: school_breaks.yaml beside this."""

from functools import cache
from importlib.resources import files

import numpy as np
import yaml
from numpy.typing import NDArray

from metering.samples import Int64s


def in_school_break(days: Int64s) -> NDArray[np.bool_]:
    """Whether each of the local days (since 1970-01-01) lies in a school break in Hesse."""
    first, last = _breaks()
    number = np.searchsorted(first, days, side="right") - 1
    found: NDArray[np.bool_] = (number >= 0) & (days <= last[np.maximum(number, 0)])
    return found


@cache
def _breaks() -> tuple[Int64s, Int64s]:
    listed = yaml.safe_load(files("metering").joinpath("school_breaks.yaml").read_text("utf-8"))
    first, last = np.array(listed, "datetime64[D]").astype(np.int64).T
    return first, last
