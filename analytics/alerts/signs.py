"""The signs of a meter in alert: when it began, what it is called, and what rules find in it that it is not."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from analytics.alerts.live import silence_cause, stuck_cause
from analytics.anomaly.curve import LoadCurve
from analytics.anomaly.detector import NEWS, Scores, rarity
from analytics.anomaly.naming import KINDS
from analytics.anomaly.week import Bools
from metering.estate import Meter, Role
from metering.instant import DAY
from metering.samples import Floats, Int64s

MADE = (Role.GENERATION, Role.FEED_IN)
"""Roles of meters of what is made: more of it is no waste."""

_OF_DEVICES = {"gap": silence_cause, "stuck": stuck_cause}  # kinds that are one cause with what the device shows
_OF_USE = ("base_load", "weekend", "leak", "phase_loss", "unit")  # of what consumes: none of these is in what is made
_SHORT = ("spike", "drop")
_RECENT_US = 3 * DAY  # signs that name an alert


class Sign(NamedTuple):
    """What was in alert: its cause and kind, and the positions of its begin, its worst and its end."""

    cause: str
    kind: str
    begin: int
    worst: int
    end: int


@dataclass(frozen=True, slots=True, eq=False)
class Alarm:
    """Where a meter is in alert, and where a rule alone would say so, by its name; shapes (n,)."""

    holds: Bools
    by_rule: Mapping[str, Bools]


def of_its_role(scores: Scores, curve: LoadCurve, meter: Meter) -> Scores:
    """The scores of a meter, by names that its role allows: what is made or fed in is more or less than usual.

    Where nothing is made the meter is not stuck.
    """
    if meter.role not in MADE:
        return scores
    is_of_use = np.isin(scores.kinds, [KINDS.index(name) for name in _OF_USE])
    is_idle = (scores.kinds == KINDS.index("stuck")) & (curve.values == 0)
    return replace(scores, kinds=np.where(is_of_use | is_idle, _more_or_less(scores, curve), scores.kinds))


def signs(meter: Meter, curve: LoadCurve, scores: Scores, alarm: Alarm) -> Iterator[Sign]:
    """One for each time the meter was in alert, and one for each fault that a rule finds later within it.

    Parts less than a day apart are one.
    """
    for rows in _apart(np.flatnonzero(alarm.holds), curve.step_us):
        begin, end = int(rows[0]), int(rows[-1]) + 1
        kinds, score = scores.kinds[begin:end].copy(), scores.score[begin:end]
        if not kinds.any():  # a budget so large that nothing was named
            kinds = _more_or_less(scores, curve)[begin:end]
        mostly = KINDS[_most(kinds, np.ones(len(kinds), bool))]
        within = []
        for name, holds in alarm.by_rule.items():
            parts = _apart(np.flatnonzero(holds[begin:end]), curve.step_us) if name != mostly else []
            for part in (part for part in parts if part[0] > 0):  # it was told as something else before
                kinds[part] = 0
                first, last = begin + int(part[0]), begin + int(part[-1])
                within.append(Sign(_cause(meter, name) or f"{meter.id}:{name}", name, first, last, last + 1))
        name, worst = _named(kinds, score, curve.step_us)
        yield Sign(_cause(meter, name) or f"{meter.id}:consumption", name, begin, begin + worst, end)
        yield from within


def _more_or_less(scores: Scores, curve: LoadCurve) -> Int64s:
    return np.where(curve.values > scores.expected, KINDS.index("high"), KINDS.index("low"))


def _cause(meter: Meter, name: str) -> str | None:
    """The cause of a kind that the device shows, too."""
    return _OF_DEVICES[name](meter.device) if name in _OF_DEVICES else None


def _apart(rows: Int64s, step_us: int) -> list[Int64s]:
    """Rising positions, in parts more than a day apart."""
    return np.split(rows, np.flatnonzero(np.diff(rows) * step_us > DAY) + 1) if len(rows) else []


def _named(kinds: Int64s, score: Floats, step_us: int) -> tuple[str, int]:
    """The kind of an alert, and the position at which that was worst.

    Missing or standing still, and what is over within hours, is what it was for most of the time. All else goes by the
    strongest signs of three days: a strong fault is not called by the name of the weak one in which it began, nor by
    the aftermath that its own memory leaves in the score.
    """
    code = _most(kinds, np.ones(len(kinds), bool))
    if KINDS[code] not in _OF_DEVICES:
        passed_over = ("", *_OF_DEVICES, *(() if KINDS[code] in _SHORT else _SHORT))
        named = ~np.isin(kinds, [KINDS.index(name) for name in passed_over])
        rare = np.where(named, rarity(score), 0.0)
        late = np.where(np.arange(len(kinds)) >= len(kinds) - _RECENT_US // step_us, rare, 0.0)
        late = late if late.any() else rare
        code = _most(kinds, (late > 0) & (late * NEWS >= late.max()))
    return KINDS[code], int(np.where(kinds == code, score, -1.0).argmax())


def _most(kinds: Int64s, among: Bools) -> int:
    return int(np.bincount(kinds[among], minlength=len(KINDS))[1:].argmax()) + 1
