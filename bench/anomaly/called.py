"""What an alert is called, as the running system says it: at a moment, by what is known then."""

from dataclasses import dataclass

import numpy as np

from analytics.alerts.waste import Judged, Limits, findings
from analytics.alerts.wording import Wording
from analytics.anomaly.curve import LoadCurve
from analytics.anomaly.detector import Scores, told
from analytics.anomaly.week import Week
from bench.anomaly.dataset import Labelled
from metering.estate import Carrier, Meter, Role
from metering.instant import DAY

_LOOK_BACK_US = 49 * DAY  # about what the service keeps in memory
_WORDING = Wording("en", Week().calendar)
NAMES = {
    "base_load": "base_load",
    "clock_shift": "clock",
    "counter_reset": "negative",
    "drift": "drift",
    "gap": "gap",
    "leak": "leak",
    "phase_loss": "phase_loss",
    "spike": "spike",
    "stuck": "stuck",
    "unit_error": "unit",
    "weekend_op": "weekend",
}
"""What a labelled fault ought to be called."""


@dataclass(frozen=True, slots=True)
class Told:
    """A labelled fault of which something was told: what it was called then and at its end, by each open alert."""

    fault: str
    first: tuple[str, ...]
    last: tuple[str, ...]


def meter(id_: str, carrier: Carrier) -> Meter:
    """A meter of a series of which no more is known."""
    return Meter(id_, id_, "", carrier, Role.SUPPLY, id_, "")


def called(meter: Meter, curve: LoadCurve, scores: Scores, budget: float, at: tuple[int, int]) -> tuple[str, ...]:
    """The kinds of the alerts that show signs from position ``at[0]`` on, by what is known before ``at[1]``."""
    begin, end = at
    part = slice(max(end - _LOOK_BACK_US // curve.step_us, 0), end)
    judged = Judged(meter, curve.part(part.start, end), scores.part(part.start, end), lambda amounts: amounts * np.nan)
    since_us = int(curve.start_us[begin])
    return tuple(found.kind for found in findings(judged, Limits(budget), None, _WORDING) if found.last_us > since_us)


def told_faults(series: Labelled, scores: Scores, budget: float) -> list[Told]:
    """What was called of each labelled fault of the series that was told."""
    curve, news = series.faulty, told(scores, series.faulty.step_us, budget)
    found = []
    for label in series.labels:
        begin, end = np.searchsorted(curve.start_us, (label.start_us, label.end_us + 1)).tolist()
        rows = np.flatnonzero(news[begin:end])
        if len(rows):
            known = meter(series.id, series.carrier)
            first, last = (
                called(known, curve, scores, budget, (begin, until)) for until in (begin + int(rows[0]) + 1, end)
            )
            found.append(Told(label.kind, first, last))
    return found
