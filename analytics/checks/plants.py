"""A photovoltaic plant that makes less than sun and the other plants of the site let expect."""

import numpy as np

from analytics.checks.sign import Sign, lasting
from metering.samples import Floats

_LEAST_KNOWN = 10
_LEAST_DAYS = 3
_BRIGHT = 0.2  # of the best day: on darker ones, snow and shade weigh too much


def underperforming(made: Floats, others: Floats, recent: int, share: float) -> Sign:
    """Days on which a plant made less than ``share`` of what each of the others' yields lets expect.

    made    shape (days,), the plant's yield, NaN where not all is known
    others  shape (references, days): yields of other plants, irradiation; any unit
    recent  how many of the last days are looked at; the ones before say what is usual

    Bright days alone count, at least three of them in a row; dark ones between them are passed over.
    """
    nothing = np.full(len(made), np.nan)
    expectations = []
    for other in others:
        ratio = made[:-recent] / np.where(other[:-recent] > 0, other[:-recent], np.nan)
        bright = other[:-recent] > _BRIGHT * np.nanmax(other, initial=0.0)
        usual = ratio[np.isfinite(ratio) & bright]
        if len(usual) >= _LEAST_KNOWN:
            expectations.append(float(np.median(usual)) * other)
    if not expectations:
        return Sign(np.zeros(len(made), bool), made, nothing)
    least: Floats = np.min(expectations, axis=0)  # NaN where one of them is not known
    bright = least > _BRIGHT * np.nanmax(least, initial=0.0)
    days = np.flatnonzero(bright & np.isfinite(made))
    short = (made < share * least)[days] & (days >= len(made) - recent)
    holds = np.zeros(len(made), bool)
    holds[days] = lasting(short, _LEAST_DAYS)
    return Sign(holds, made, least)
