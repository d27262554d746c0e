"""The newest intervals of a meter judged: arithmetic alone, for worker processes and clusters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analytics.anomaly.curve import LoadCurve
from analytics.anomaly.detector import Detector, Scores
from analytics.anomaly.symptoms import LEAD_IN_US
from analytics.anomaly.week import Week
from analytics.energy.intervals import Intervals
from metering.estate import Meter
from metering.instant import HOUR, Window
from metering.samples import Floats, Int64s, Samples

_STALE_US = 3 * HOUR


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """What became of one meter: its intervals with their scores, and from which position on they are new.

    ``lost`` are the begins of intervals that something is stored of and nothing is known of any more, by quantity;
    ``redone`` those of intervals that are stored otherwise already: what is measured of them lifts an earlier doubt.
    """

    meter: Meter
    intervals: Intervals
    scores: Scores
    fresh: int
    lost: Mapping[str, Int64s]
    redone: Int64s


@dataclass(frozen=True, slots=True, eq=False)
class Update:
    """What is computed now of a meter, and what is stored of the time that ends with it and begins a lead-in before."""

    meter: Meter
    detector: Detector
    computed: Intervals
    stored: Intervals
    temperature: Samples | None

    @property
    def has_changed(self) -> bool:
        return len(differing(self.stored, self.computed)) > 0

    def results(self, week: Week) -> Results:
        """The results of the stored time after its lead-in, if it `has_changed`."""
        changed = differing(self.stored, self.computed)
        intervals = _replaced(self.stored, self.computed)
        step_us = intervals.step_us
        # Before the first that is measured there was no meter, but for gaps of which the total is known.
        first = min(int(np.argmax(intervals.completeness > 0)), int(changed[0]))
        curve = LoadCurve.of(intervals, temperature_at(self.temperature, intervals.start_us))
        curve = curve.part(first, len(intervals))
        lead = max(LEAD_IN_US // step_us, first)
        scores = self.detector.score(curve, week.slots(curve.start_us, step_us), lead - first)
        judged = intervals.within(Window(int(intervals.start_us[lead]), int(intervals.start_us[-1]) + step_us))
        gone, again = lost(self.stored, intervals, changed), redone(self.stored, changed)
        return Results(self.meter, judged, scores, int(changed[0]) - lead, gone, again)


def updated(updates: Sequence[Update], week: Week) -> list[Results]:
    """The results of some, for one worker."""
    return [update.results(week) for update in updates]


def differing(stored: Intervals, computed: Intervals) -> Int64s:
    """Positions in ``stored`` at which the computed results differ."""
    first = int(np.searchsorted(stored.start_us, computed.start_us[0]))
    part = slice(first, first + len(computed))
    same = np.isclose(stored.consumption[part], computed.consumption, rtol=1e-12, atol=1e-9, equal_nan=True)
    same &= np.isclose(stored.completeness[part], computed.completeness, rtol=0, atol=1e-9)
    same &= np.isclose(stored.bridged[part], computed.bridged, rtol=1e-12, atol=1e-9, equal_nan=True)
    return np.flatnonzero(~same) + first


def lost(stored: Intervals, computed: Intervals, changed: Int64s) -> Mapping[str, Int64s]:
    """Begins of the changed intervals, given by position in both, of which nothing is known any more, by quantity."""

    def gone(before: Floats, after: Floats) -> Int64s:
        found: Int64s = stored.start_us[changed[np.isfinite(before[changed]) & ~np.isfinite(after[changed])]]
        return found

    whole, gap = gone(stored.consumption, computed.consumption), gone(stored.bridged, computed.bridged)
    return {"consumption": whole, "emissions": whole, "gap_consumption": gap, "gap_emissions": gap}


def redone(stored: Intervals, changed: Int64s) -> Int64s:
    """Begins of the changed intervals, given by position, that are not newer than all that is stored."""
    known = np.flatnonzero(np.isfinite(stored.consumption) | (stored.completeness > 0) | np.isfinite(stored.bridged))
    found: Int64s = stored.start_us[changed[changed <= known[-1]]] if len(known) else np.empty(0, np.int64)
    return found


def temperature_at(temperature: Samples | None, instants_us: Int64s) -> Floats | None:
    """The newest temperature at each instant, NaN where it is over three hours old."""
    if temperature is None or not len(temperature):
        return None
    index = np.searchsorted(temperature.times_us, instants_us, side="right") - 1
    age = instants_us - temperature.times_us[np.maximum(index, 0)]
    return np.where((index >= 0) & (age <= _STALE_US), temperature.values[np.maximum(index, 0)], np.nan)


def _replaced(stored: Intervals, computed: Intervals) -> Intervals:
    """The stored intervals up to where the computed ones begin, then those."""
    return stored.within(Window(int(stored.start_us[0]), int(computed.start_us[0]))).followed_by(computed)
