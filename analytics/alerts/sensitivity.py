"""What people say of alerts sets how readily the next one of that kind is raised at that meter or device."""

import math
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from analytics.alerts.alert import Alert, Verdict
from metering.samples import Floats

_FALSE_ALARM, _CONFIRMED = 0.5, 1.5
_LEAST, _MOST = 1 / 32, 2.0


def sensitivity(false_alarms: int, confirmed: int) -> float:
    """A factor on the false alarms that are acceptable: halved by each false alarm, half as much again when right.

    1 is as the settings say, less takes more to alert; between 1/32 and 2.
    """
    return min(max(_FALSE_ALARM**false_alarms * _CONFIRMED**confirmed, _LEAST), _MOST)


class Judgement(NamedTuple):
    """How often alerts of a kind at one meter or device were false alarms, how often right, and what follows."""

    false_alarms: int
    confirmed: int

    @property
    def sensitivity(self) -> float:
        return sensitivity(self.false_alarms, self.confirmed)


def judgements(alerts: Iterable[Alert]) -> dict[str, Judgement]:
    """By kind, what people said of the alerts of one subject; kinds of which nothing was said are left out."""
    said = Counter((alert.kind, alert.verdict) for alert in alerts if alert.verdict is not None)
    return {
        kind: Judgement(said[kind, Verdict.FALSE_ALARM], said[kind, Verdict.CONFIRMED])
        for kind in dict.fromkeys(kind for kind, _ in said)
    }


def adjusted(score: Floats, factor: Floats) -> Floats:
    """Calibrated scores, ``1 / (1 + false alarms per meter and month)``, as if their rate were the ``factor``th of it.

    Deciding them by a budget is deciding the given ones by the budget times the factor. Shapes (n,).
    """
    with np.errstate(divide="ignore"):
        rates = (1 / score - 1) / factor
    return np.where(factor == 1, score, 1 / (1 + rates))


def least_signs(factor: float) -> int:
    """How many doubtful values it takes: one, or more if fewer were false alarms before."""
    return max(1, math.ceil(1 / factor))
