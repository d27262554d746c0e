"""The newest intervals of one meter, where little is known of it."""

import numpy as np

from analytics.anomaly.curve import LoadCurve
from analytics.anomaly.history import judge
from analytics.anomaly.symptoms import LEAD_IN_US
from analytics.anomaly.week import Week
from analytics.energy.intervals import Intervals
from analytics.update import Update
from metering.estate import Carrier, Meter, Role
from metering.instant import DAY, QUARTER_HOUR, parse

BEGIN = parse("2026-10-01T00:00:00Z")
LEAD = LEAD_IN_US // QUARTER_HOUR


def intervals(begin_us: int, gap: int, measured: int) -> Intervals:
    """So many of a gap of which the total alone is known, and then so many that were measured."""
    start_us = begin_us + QUARTER_HOUR * np.arange(gap + measured)
    known = Intervals.of(start_us, QUARTER_HOUR, np.concatenate((np.full(gap, np.nan), np.ones(measured))))
    known.bridged[:gap] = 0.25
    return known


def test_a_gap_before_all_that_was_ever_measured_is_new_like_the_rest() -> None:
    nothing = Intervals.of(BEGIN + QUARTER_HOUR * np.arange(LEAD), QUARTER_HOUR, np.full(LEAD, np.nan))
    stored = nothing.followed_by(intervals(BEGIN + LEAD_IN_US, gap=12, measured=0))
    later = Intervals.of(stored.start_us[-1] + QUARTER_HOUR * np.arange(1, 11), QUARTER_HOUR, np.full(10, np.nan))
    computed = intervals(BEGIN + LEAD_IN_US, gap=20, measured=2)
    week = Week("Europe/Berlin", "NW")
    detector = judge(week, LoadCurve.of(intervals(BEGIN - DAY, gap=12, measured=0)), Carrier.HEAT).detector
    meter = Meter("hall.supply", "Hall", "hall", Carrier.HEAT, Role.SUPPLY, "hall-heat", "heat")
    update = Update(meter, detector, computed, stored.followed_by(later), None)
    results = update.results(week)
    fresh = results.intervals.start_us[results.fresh :]
    assert fresh.tolist() == (BEGIN + LEAD_IN_US + QUARTER_HOUR * np.arange(12, 22)).tolist()
    assert results.intervals.bridged[results.fresh :].tolist()[:8] == [0.25] * 8
    assert len(results.scores) == len(results.intervals)
