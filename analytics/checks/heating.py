"""Heat where none is needed: in summer, and while the same building is cooled."""

import numpy as np

from analytics.checks.sign import Sign, lasting
from metering.samples import Floats

_COLD_C = 10.0
_LEAST_COLD_DAYS = 10
_ON = 0.1  # of what it counts in its busiest hours
_BUSIEST = 0.95
_LEAST_HOURS = 3


def in_summer(heat: Floats, outdoor_c: Floats, limit_c: float, share: float) -> Sign:
    """Warm days on which more than ``share`` of a cold day's heat was used.

    heat       shape (days,), consumption, NaN where not all is known
    outdoor_c  shape (days,), mean outdoor temperature; warm is above ``limit_c``, cold below 10 °C

    Nothing is said before ten cold days are known.
    """
    cold = heat[(outdoor_c < _COLD_C) & np.isfinite(heat)]
    if len(cold) < _LEAST_COLD_DAYS:
        return Sign(np.zeros(len(heat), bool), heat, np.full(len(heat), np.nan))
    needed = np.full(len(heat), share * float(np.median(cold)))
    return Sign((outdoor_c > limit_c) & (heat > needed), heat, needed)


def against_cooling(heat: Floats, cooling: Floats) -> Sign:
    """Hours in which a building was heated and cooled, three in a row at least; both of shape (hours,)."""
    on = _is_on(heat) & _is_on(cooling)
    return Sign(lasting(on, _LEAST_HOURS), heat, np.where(on, 0.0, heat))


def _is_on(amount: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    known = amount[np.isfinite(amount) & (amount > 0)]
    return amount > (_ON * float(np.quantile(known, _BUSIEST)) if len(known) else np.inf)
