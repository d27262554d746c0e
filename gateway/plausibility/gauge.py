"""Gauges: leaps that do not last, and values that stand still while they should move."""
# ruff: noqa: PLR1730, FURB136 - each reading passes here, and calls of max() would double what it costs

from gateway.plausibility.reasons import CONFIRMED, RANGE, SPIKE, STUCK
from metering.instant import MINUTE
from metering.quantities import Quantity
from metering.reading import Reading

# The largest change between two readings that needs no explanation, by unit: what loads, weather and people do;
# by name where a quantity differs.
# Quantities of other units, such as irradiance under passing clouds, may change as they like.
_STEP = {
    "W": 50e3, "VA": 50e3, "var": 50e3, "A": 200.0, "V": 100.0, "Hz": 2.0,
    "°C": 20.0, "%": 50.0, "hPa": 20.0, "ppm": 3000.0, "m³/h": 50.0,
}  # fmt: skip
_STEP_OF = {
    "flow_temperature": 60.0, "return_temperature": 60.0,  # a flow that sets in brings its temperature at once
    "dc_voltage": 1500.0,  # solar modules are there with the sun
}  # fmt: skip
_SPREAD = 3.0  # changes up to this many times the largest recent one are usual
_FORGET = 0.999  # a reading; a change is half forgotten after 700 others
_WIDEN = 10 * MINUTE  # in which time the change allowed grows by as much as it was
_WARM_UP = 10  # readings, or changes, without judgement

_LIVELY = frozenset({"W", "VA", "var", "A", "V", "Hz"})  # units of what never stands quite still while in use
_ALWAYS_MOVES = 1.5  # readings a change, on average, of a gauge that should move
_REPEATS = 10  # equal readings in a row, at least, of a gauge that stands still
_IDLE = 0.1  # share of its recent peak under which a gauge may rest: standby, night


class Motion:
    """When any gauge of a device last changed, µs since the Unix epoch."""

    __slots__ = ("changed_us",)

    def __init__(self) -> None:
        self.changed_us = 0


class GaugeWatch:
    """Judges one series of a gauge.

    A leap beyond what is usual is doubted. If the next reading is near it the level has changed, and the doubt is
    lifted (`take_lifted` then gives it as it was read); if not it was a spike, and the gauge goes on from before it.
    A gauge stands still if it used to change with nearly every reading and is not idle, but neither it nor any other
    gauge of the device has changed for ``stuck_after_us``.
    """

    __slots__ = (
        "_base", "_base_us", "_changes", "_doubted", "_high", "_last", "_lifted", "_lively", "_low", "_motion", "_peak",
        "_reason", "_repeats", "_run", "_seen", "_spread", "_step", "_stuck_after_us", "_time_us",
    )  # fmt: skip

    def __init__(self, quantity: Quantity, motion: Motion, stuck_after_us: float) -> None:
        self._low, self._high = quantity.low, quantity.high
        self._step = _STEP_OF.get(quantity.name, _STEP.get(quantity.unit, float("inf")))
        self._time_us = 0  # of the newest reading
        self._reason = ""  # its verdict
        # spikes
        self._base, self._base_us = float("nan"), 0  # the newest value not doubted
        self._doubted: Reading | None = None
        self._lifted: Reading | None = None
        self._spread = 0.0
        self._seen = 0
        # standing still
        self._motion = motion
        self._stuck_after_us = stuck_after_us
        self._lively = quantity.unit in _LIVELY
        self._last = float("nan")
        self._peak = 0.0
        self._run = 1.0
        self._repeats = 0
        self._changes = 0

    def judge(self, reading: Reading) -> str:
        """Why the reading is doubted, CONFIRMED if the one before no longer is, or "" if there is nothing to say."""
        value, time_us = reading.value, reading.time_us
        if time_us <= self._time_us:
            return self._reason if time_us == self._time_us else "" if self._low <= value <= self._high else RANGE
        self._time_us = time_us
        if not self._low <= value <= self._high:
            self._reason = RANGE
            return RANGE
        size, peak = abs(value), self._peak * _FORGET
        self._peak = size if size > peak else peak
        if value != self._last:
            self._last = value
            self._run += 0.1 * (self._repeats + 1 - self._run)
            self._repeats = 0
            self._changes += 1
            motion = self._motion
            if time_us > motion.changed_us:
                motion.changed_us = time_us
            verdict = ""
        else:
            verdict = STUCK if self._stands_still(size, time_us) else ""
        change = abs(value - self._base)
        if change > self._step or self._seen < _WARM_UP:
            verdict = self._leap(reading, change) or verdict
            if verdict is SPIKE:
                self._reason = verdict
                return verdict
        spread = self._spread * _FORGET
        self._spread = change if change > spread else spread
        self._base, self._base_us = value, time_us
        self._doubted = None
        self._reason = "" if verdict is CONFIRMED else verdict
        return verdict

    def take_lifted(self) -> Reading:
        """The reading whose doubt the last judgement lifted. Call once after CONFIRMED."""
        lifted, self._lifted = self._lifted, None
        assert lifted is not None
        return lifted

    def _leap(self, reading: Reading, change: float) -> str:
        """SPIKE, CONFIRMED or "" for a change larger than those that need no explanation, or an early one."""
        if self._seen < _WARM_UP:
            self._seen += 1
            return ""
        usual = max(self._step, _SPREAD * self._spread) * (1.0 + (reading.time_us - self._base_us) / _WIDEN)
        if change <= usual:
            return ""
        before, self._doubted = self._doubted, reading
        if before is None or abs(reading.value - before.value) > usual:
            return SPIKE
        self._lifted = before
        return CONFIRMED

    def _stands_still(self, size: float, time_us: int) -> bool:
        self._repeats = min(self._repeats + 1, _REPEATS)
        return (
            self._lively
            and time_us - self._motion.changed_us >= self._stuck_after_us
            and self._repeats >= _REPEATS
            and self._changes >= _WARM_UP
            and self._run <= _ALWAYS_MOVES
            and size > _IDLE * self._peak
        )
