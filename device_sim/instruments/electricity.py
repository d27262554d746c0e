"""An electricity meter: three phases whose powers sum to the total, with P = U · I · power factor in each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from device_sim.flow import Flow
from device_sim.instruments.instrument import rounded
from device_sim.instruments.mains import Mains
from device_sim.noise import Noise
from metering.instant import HOUR, MINUTE, Window
from metering.samples import Floats, Int64s

_CHARGING, _READY = 3.0, 2.0  # KEBA KeContact P30, Modbus TCP Programmers Guide, register 1000
PHASES = (1, 2, 3)


@dataclass(frozen=True)
class Phases:
    """How a load spreads over three phases, and which of them the meter has lost for a while."""

    noise: Noise
    lost: Sequence[tuple[int, Window]] = ()

    def shares(self, times_us: Int64s) -> list[Floats]:
        """Share of each phase in the power of all three, 0 while it is lost; constant within a minute."""
        minutes = times_us // MINUTE
        loads = [1 + 0.13 * self.noise.of(f"phase {phase}").smooth(minutes, 50) for phase in PHASES]
        whole = loads[0] + loads[1] + loads[2]
        return [load / whole * self.alive(phase, times_us) for phase, load in zip(PHASES, loads, strict=True)]

    def alive(self, phase: int, times_us: Int64s) -> Floats:
        """1 where the phase is measured, 0 while it is lost."""
        alive = np.ones(len(times_us))
        for lost, window in self.lost:
            if lost == phase:
                alive[(times_us >= window.start_us) & (times_us < window.end_us)] = 0.0
        return alive

    def measured(self, rates: Int64s, minutes: Int64s) -> Int64s:
        """The part of the rates that runs through the phases which are left."""
        lost = 1 - np.minimum.reduce([self.alive(phase, minutes * MINUTE) for phase in PHASES])
        share = np.where(lost > 0, sum(self.shares(minutes * MINUTE)), 1.0)
        return np.rint(rates * share).astype(np.int64)


class Electricity:
    """Shows a flow taken and a flow given, of which one is 0 at any instant."""

    def __init__(self, taken: Flow, given: Flow, phases: Phases, noise: Noise, mains: Mains) -> None:
        self._taken, self._given = taken, given
        self._phases = phases
        self._noise = noise
        self._mains = mains

    def show(self, times_us: Int64s) -> dict[str, Floats]:
        taken, given = self._taken.rate(times_us) / 1000, self._given.rate(times_us) / 1000
        power = rounded(taken - given, 1)
        factor = np.clip(0.955 + 0.018 * self._noise.of("factor").smooth(times_us, HOUR), 0.8, 0.999)
        apparent = np.abs(power) / factor
        shown = {
            "active_power": power,
            "active_power_import": rounded(taken, 1),
            "active_power_export": rounded(given, 1),
            "apparent_power": rounded(apparent, 1),
            "reactive_power": rounded(apparent * np.sqrt(1 - factor**2), 1),
            "power_factor": rounded(np.copysign(factor, power), 3),
            "frequency": self._mains.frequency(times_us),
            "state": np.where(power > 100, _CHARGING, _READY),
        }
        shares = self._phases.shares(times_us)
        whole = np.maximum(shares[0] + shares[1] + shares[2], 1e-9)
        rest = power
        for phase in reversed(PHASES):
            part = rounded(power * shares[phase - 1] / whole, 1) if phase > 1 else rounded(rest, 1)
            rest = rest - part
            voltage = self._mains.voltage(phase, times_us) * self._phases.alive(phase, times_us)
            current = np.abs(part) / (factor * np.maximum(voltage, 1.0))
            shown[f"active_power_l{phase}"] = part
            shown[f"voltage_l{phase}"] = voltage
            shown[f"current_l{phase}"] = rounded(current, 3)
        shown["current_n"] = _neutral_current(*(shown[f"current_l{phase}"] for phase in PHASES))
        return shown


def _neutral_current(one: Floats, two: Floats, three: Floats) -> Floats:
    """Magnitude of the sum of three currents 120° apart."""
    square = one**2 + two**2 + three**2 - one * two - two * three - three * one
    return rounded(np.sqrt(np.maximum(square, 0)), 3)
