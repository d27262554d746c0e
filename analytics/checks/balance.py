"""Sub-meters that do not add up to their main meter."""

import numpy as np

from analytics.checks.sign import Sign, lasting
from metering.samples import Floats

_LEAST_KNOWN = 14
_LEAST_DAYS = 2


def balance(main: Floats, parts: Floats, recent: int, share: float) -> Sign:
    """Days on which the parts and what is usually left unmetered don't make the main meter's consumption.

    main, parts  shape (days,), the main meter's consumption and the sum of its sub-meters', NaN where not all is known
    recent       how many of the last days are looked at; the ones before say what is usual
    share        of the main meter's consumption that may be missed

    More in the parts than in the main meter cannot be, whatever was usual. Two days in a row at least.
    """
    rest = main - parts
    tolerance = share * np.abs(main)
    usual = rest[:-recent][np.isfinite(rest[:-recent])]
    low, high = 0.0, np.inf
    if len(usual) >= _LEAST_KNOWN:
        low = max(float(usual.min()), 0.0)
        high = max(float(usual.max()), low)
    wrong = (rest < low - tolerance) | (rest > high + tolerance)
    wrong[:-recent] = False
    return Sign(lasting(wrong, _LEAST_DAYS), main, parts + np.clip(rest, low, high))
