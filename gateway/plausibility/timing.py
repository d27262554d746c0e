"""What times tell: readings missing before one (gap), and device clocks that are wrong (time skew).

Neither makes a value doubtful: it is kept as measured, with the reason.
"""

from metering.instant import MINUTE

_LONGER = 3.0  # times the longest recent distance between readings of a series: a gap
_SHORTEST_GAP = MINUTE
_FORGET = 0.99  # a reading; a distance is half forgotten after 70 others
_WARM_UP = 10  # distances, or readings, without judgement

_AHEAD = MINUTE
_BEHIND = 30 * MINUTE  # less may be the custom of giving the start of a quarter-hour; summer time makes an hour


class Pace:
    """How often a series speaks."""

    __slots__ = ("_longest", "_seen", "_time_us")

    def __init__(self) -> None:
        self._time_us = 0  # of the newest reading
        self._longest = 0.0  # recent distance, µs
        self._seen = 0  # distances

    def is_after_gap(self, time_us: int) -> bool:
        """Whether far more time than usual lies between this reading and the newest before."""
        distance = time_us - self._time_us
        if distance <= 0:
            return False
        self._time_us = time_us
        longest = self._longest
        if self._seen < _WARM_UP:
            self._seen += 1
            distance = distance if self._seen > 1 else 0
        elif distance > _LONGER * longest and distance >= _SHORTEST_GAP:
            self._longest = 2.0 * longest  # an outage is no new habit; but a new interval is one after a few readings
            return True
        longest *= _FORGET
        self._longest = distance if distance > longest else longest  # noqa: FURB136 - faster
        return False


class DeviceClock:
    """How far a device's clock is off, judged by the readings that bear its time.

    Ahead it is wrong at once. Behind it is only if it keeps pace with ours for some readings: that is how a wrong clock
    differs from a device that catches up after an outage.
    """

    __slots__ = ("_now_us", "_steady", "_time_us")

    def __init__(self) -> None:
        self._time_us = 0
        self._now_us = 0
        self._steady = 0  # readings

    def is_wrong(self, time_us: int, now_us: int) -> bool:
        """Judge a reading that bears ``time_us``, the device's time, and came at ``now_us``."""
        if time_us > self._time_us:
            theirs, ours = time_us - self._time_us, now_us - self._now_us
            keeps_pace = theirs <= 2 * ours and ours <= 2 * theirs
            self._steady = min(self._steady + 1, _WARM_UP) if keeps_pace and self._time_us else 0
            self._time_us, self._now_us = time_us, now_us
        lag_us = now_us - time_us
        return lag_us < -_AHEAD or (lag_us > _BEHIND and self._steady == _WARM_UP)
