"""Phase voltages of one device, compared with each other: a phase that fails is doubted (phase imbalance)."""

from gateway.plausibility.gauge import GaugeWatch, Motion
from gateway.plausibility.reasons import CONFIRMED, IMBALANCE
from metering.instant import HOUR
from metering.quantities import Quantity
from metering.reading import Reading

PHASES = {"voltage_l1": 0, "voltage_l2": 1, "voltage_l3": 2}

# EN 50160 allows an unbalance of 2 %, in places 3 %; a blown fuse or a lost neutral makes tens of per cent.
_LEAST_SHARE = 0.9  # of the highest phase
_TOGETHER = HOUR  # phases last heard within this time are compared
_WARM_UP = 10  # balanced readings of a phase before it is judged: one that is not connected never has them


class Phases:
    """The newest sound voltage of each phase of a device."""

    __slots__ = ("_balanced", "_times_us", "_values")

    def __init__(self) -> None:
        self._values = [0.0, 0.0, 0.0]
        self._times_us = [0, 0, 0]
        self._balanced = [0, 0, 0]  # readings

    def is_out_of_balance(self, phase: int, value: float, time_us: int) -> bool:
        """Whether the voltage is far below the highest of the three, and was not before; remembers it."""
        self._values[phase], self._times_us[phase] = value, time_us
        highest = value
        for other in range(3):
            if self._values[other] > highest and time_us - self._times_us[other] <= _TOGETHER:
                highest = self._values[other]
        if value >= _LEAST_SHARE * highest:
            if highest > 0.0:
                self._balanced[phase] = min(self._balanced[phase] + 1, _WARM_UP)
            return False
        return self._balanced[phase] >= _WARM_UP


class PhaseWatch(GaugeWatch):
    """Judges one phase voltage: as any gauge, and beside the other two."""

    __slots__ = ("_phase", "_phases")

    def __init__(self, quantity: Quantity, motion: Motion, stuck_after_us: float, phases: Phases) -> None:
        super().__init__(quantity, motion, stuck_after_us)
        self._phase = PHASES[quantity.name]
        self._phases = phases

    def judge(self, reading: Reading) -> str:
        """See `GaugeWatch.judge`. A fall that lasts is no spike, but stays out of balance."""
        is_new = reading.time_us > self._time_us
        verdict = super().judge(reading)
        if verdict not in ("", CONFIRMED) or not is_new:
            return verdict
        if self._phases.is_out_of_balance(self._phase, reading.value, reading.time_us):
            self._lifted = None
            self._reason = verdict = IMBALANCE
        return verdict
