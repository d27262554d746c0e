"""Registers: cumulative counters, which rise, as fast as they can and no faster."""

from gateway.plausibility.reasons import BACKWARDS, JUMP, RANGE
from metering.instant import HOUR, SECOND
from metering.quantities import Quantity
from metering.reading import Reading

# What needs no explanation, in the register's unit an hour: a large building's connection.
_RATE_PER_HOUR = {"kWh": 250.0, "kvarh": 250.0, "m³": 50.0, "1": 36e3}
_MARGIN = 10.0  # times the fastest recent rate, and the smallest step seen: what is still believed
_FORGET = 0.999  # a step
_WARM_UP = 5  # steps without judgement
_ROUNDING = 1e-6  # of the value: registers sent as 32-bit floats go that far back without meaning it


class RegisterWatch:
    """Judges one series of a register.

    A reading that does not follow from the last good one is doubted. If the next one follows from the last good one,
    it was a single wrong value; if it follows from the doubted one, the register was reset or exchanged, and goes on
    from there. A register that fell to 0 goes on once it rises: some show 0 while they are out of reach.
    """

    __slots__ = ("_base", "_base_us", "_doubted", "_high", "_low", "_rate", "_reason", "_step", "_steps", "_time_us",
                 "_usual_rate")  # fmt: skip

    def __init__(self, quantity: Quantity) -> None:
        self._low, self._high = quantity.low, quantity.high
        self._usual_rate = _RATE_PER_HOUR.get(quantity.unit, float("inf")) / HOUR  # a µs
        self._time_us = 0  # of the newest reading
        self._reason = ""  # its verdict
        self._base, self._base_us = 0.0, 0  # the last good reading; the first is at time 0 for "none yet"
        self._doubted: float | None = None
        self._rate = 0.0  # fastest recent rise, a µs
        self._step = float("inf")  # smallest rise: the resolution
        self._steps = 0

    def judge(self, reading: Reading) -> str:
        """Why the reading is doubted, or "" if it is not."""
        value, time_us = reading.value, reading.time_us
        inside = self._low <= value <= self._high
        if time_us <= self._time_us:
            return self._reason if time_us == self._time_us else "" if inside else RANGE
        self._time_us = time_us
        self._reason = reason = self._follow(value, time_us) if inside else RANGE
        return reason

    def _follow(self, value: float, time_us: int) -> str:
        rise, duration_us = value - self._base, max(time_us - self._base_us, SECOND)
        if self._base_us == 0:
            rise = 0.0
        elif rise < -_ROUNDING * self._base:
            return self._doubt(value, time_us, BACKWARDS)
        elif self._steps >= _WARM_UP:
            believed = max(self._usual_rate, _MARGIN * self._rate) * duration_us + _MARGIN * self._step
            if rise > believed:
                return self._doubt(value, time_us, JUMP)
        if rise > 0.0:
            self._rate = max(rise / duration_us, self._rate * _FORGET)
            self._step = min(rise, self._step)
            self._steps += 1
        return self._go_on(value, time_us)

    def _doubt(self, value: float, time_us: int, reason: str) -> str:
        before, self._doubted = self._doubted, value
        if before is not None and (value > before or value == before != 0.0):
            return self._go_on(value, time_us)
        return reason

    def _go_on(self, value: float, time_us: int) -> str:
        self._base, self._base_us = value, time_us
        self._doubted = None
        return ""
