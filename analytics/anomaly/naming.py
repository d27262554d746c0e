"""What an interval is called: the likeliest kind of those that such a meter can have and the signs allow.

The trees know what faults look like, and nothing of meters. What looks alike is told apart here by the carrier, the day
and the signs that a fault cannot be without.
"""

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from analytics.anomaly.classifier import Classifier
from analytics.anomaly.symptoms import Symptoms
from analytics.anomaly.week import Bools
from metering.estate import Carrier
from metering.instant import DAY, HOUR
from metering.samples import Floats, Int64s

KINDS = (
    *("", "gap", "negative", "stuck", "spike", "drop", "high", "low", "leak", "base_load"),
    *("unit", "clock", "weekend", "drift", "phase_loss"),
)
"""What may be wrong; ``Scores.kinds`` are positions in it."""

_IMPOSSIBLE: Mapping[Carrier, tuple[str, ...]] = MappingProxyType(
    {Carrier.WATER: ("base_load", "weekend"), Carrier.GAS: ("leak",), Carrier.HEAT: ("leak",)}
)
_SATURDAY = 5
_REMEMBERED_US = 3 * DAY  # so long a score holds after a day off
_FITS = 0.2  # log of how much better the values of two days must fit to call the clock wrong
_STILL = 0.8  # of what the rule takes: a loud score at a value that has not moved for almost as long as ever
_SUDDEN = 2.0  # log1p of usual deviations: what stands still from such a one on has been switched on, or flows
_HUGE = math.log(30)  # times the greatest ever: nothing can take so much
_BEYOND = math.log(2)  # times the greatest ever: at the least, for a unit too small
_UP = 0.3  # usual deviations


def likeliest(symptoms: Symptoms, rows: Int64s, carrier: Carrier | None, learned: Classifier, step_us: int) -> Int64s:
    """Positions in `KINDS` of the intervals at positions ``rows``.

    Out of hours is what happens on a day off, or has just happened; a base load is up in each idle hour; a wrong clock
    is one by which the values fit better.
    """
    sums = learned.kinds.sums(symptoms.rows[rows])

    def rule_out(kind: str, where: Bools) -> None:
        if kind in learned.kind_names:
            sums[where, learned.kind_names.index(kind)] = -np.inf

    index = np.arange(len(symptoms.rows))
    day_off = np.maximum.accumulate(np.where(symptoms.column("weekday") >= _SATURDAY, index, -len(index)))
    rule_out("weekend", (index - day_off)[rows] * step_us > _REMEMBERED_US)
    rule_out("base_load", ((symptoms.column("off") > 0) & (symptoms.column("now") < _UP))[rows])
    rule_out("unit", ~_is_other_unit(symptoms)[rows])
    rule_out("clock", ~(symptoms.column("shift_fits_48")[rows] >= _FITS))
    for kind in _IMPOSSIBLE.get(carrier, ()) if carrier else ():
        rule_out(kind, np.ones(len(rows), bool))
    found: Int64s = np.array([KINDS.index(name) for name in learned.kind_names])[sums.argmax(axis=1)]
    return found


def told_apart(kinds: Int64s, symptoms: Symptoms, carrier: Carrier | None, step_us: int) -> Int64s:
    """The kinds of all intervals, 0 for none, by the signs that tell them apart.

    Standing still: if it began with a leap upwards, something has been switched on and stays on, or flows; water that
    counts more than expected flows, too. A wrong unit is off by powers of ten, or beyond all that was ever counted. A
    spike downwards is a drop. Less than expected is a lost phase at electricity meters only. Water that rises at night,
    too, is a leak, and a constant flow is a base load where nothing can flow.
    """
    rows = np.flatnonzero(kinds)
    named = kinds[rows]
    code = {kind: number for number, kind in enumerate(KINDS)}

    def column(name: str) -> Floats:
        found: Floats = symptoms.column(name)[rows].astype(np.float64)
        return found

    def rename(kind: str, new: str, where: Bools) -> None:
        named[(named == code[kind]) & where] = code[new]

    everywhere = np.ones(len(rows), bool)
    above = column("now") > 0
    fluid = carrier in (Carrier.WATER, Carrier.GAS)
    standing = (column("limit_stuck") >= _STILL) & ~np.isin(named, (code["gap"], code["negative"]))
    named[standing] = code["stuck"]
    same = np.round(np.expm1(column("same_h")) * (HOUR / step_us)).astype(np.int64)
    begin = np.maximum(rows - same + 1, 0)
    is_sudden = symptoms.column("now")[begin] > _SUDDEN
    rename("stuck", "leak" if fluid else "base_load", is_sudden)
    rename("spike", "unit", column("peak") > _HUGE)
    rename("spike", "drop", ~above)
    if carrier is Carrier.WATER:
        rename("stuck", "leak", above)
        rename("drift", "leak", (column("off_24") > _UP) & (column("dev_24") > 0))
    if carrier in (Carrier.ELECTRICITY, Carrier.HEAT):
        rename("leak", "base_load", everywhere)
    if carrier not in (Carrier.ELECTRICITY, None):
        rename("phase_loss", "low", everywhere)
    found = kinds.copy()
    found[rows] = named
    return found


def _is_other_unit(symptoms: Symptoms) -> Bools:
    """Where a value may be in a wrong unit: off by powers of ten, not nothing, upwards beyond all that ever was."""
    tens, peak = symptoms.column("times"), symptoms.column("peak")
    is_something = np.power(10.0, tens) * (symptoms.column("expected") + 0.01) > 1.1e-4  # 1e-4 levels is nothing
    is_tens = (np.abs(tens) > 0.75) & (np.abs(tens - np.round(tens)) < 0.25)
    found: Bools = is_tens & np.where(tens < 0, is_something, peak > _BEYOND) | (peak > _HUGE)
    return found
