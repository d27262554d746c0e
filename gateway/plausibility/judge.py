"""The judgement of a batch."""

from collections import Counter
from collections.abc import Collection, Sequence
from math import isfinite
from typing import NamedTuple

from msgspec.structs import replace

from gateway.plausibility.gauge import GaugeWatch, Motion
from gateway.plausibility.phases import PHASES, Phases, PhaseWatch
from gateway.plausibility.reasons import (
    CONFIRMED,
    FUTURE,
    GAP,
    NOT_FINITE,
    RANGE,
    SKEW,
    TOO_OLD,
    UNKNOWN_DEVICE,
    UNKNOWN_QUANTITY,
)
from gateway.plausibility.register import RegisterWatch
from gateway.plausibility.timing import DeviceClock, Pace
from metering.instant import SECOND, parse
from metering.quality import Quality
from metering.quantities import QUANTITIES, Kind, Quantity
from metering.reading import Reading

_OLDEST_US = parse("2000-01-01T00:00:00Z")


class Rejection(NamedTuple):
    """A reading that is not taken, and why (see `gateway.plausibility.reasons`)."""

    reading: Reading
    reason: str


class Verdict(NamedTuple):
    """What became of a batch.

    accepted  in the order given, suspects, gaps and wrong clocks marked; also earlier readings again whose doubt is
              lifted (CONFIRMED)
    rejected  cannot be kept as values
    """

    accepted: list[Reading]
    rejected: list[Rejection]


class StateWatch:
    """Judges one series of states: by range alone."""

    __slots__ = ("_high", "_low")

    def __init__(self, quantity: Quantity) -> None:
        self._low, self._high = quantity.low, quantity.high

    def judge(self, reading: Reading) -> str:
        return "" if self._low <= reading.value <= self._high else RANGE


Watch = GaugeWatch | RegisterWatch | StateWatch


class _Series:
    __slots__ = ("clock", "pace", "watch")

    def __init__(self, watch: Watch, clock: DeviceClock) -> None:
        self.watch = watch
        self.pace = Pace()
        self.clock = clock


class _Device:
    """What is known of a device: its series by quantity, and what they have in common."""

    __slots__ = ("clock", "motion", "phases", "series")

    def __init__(self) -> None:
        self.series: dict[str, _Series] = {}
        self.motion = Motion()
        self.phases: Phases | None = None  # most have none
        self.clock = DeviceClock()


class Plausibility:
    """Judges the readings of the given devices.

    stuck_after_s       see `gateway.plausibility.gauge`
    future_tolerance_s  how far device clocks may be ahead
    """

    def __init__(self, devices: Collection[str], stuck_after_s: float, future_tolerance_s: float) -> None:
        self.doubted: Counter[str] = Counter()  # readings, by reason
        self.confirmed = 0  # readings
        self._stuck_after_us = stuck_after_s * SECOND
        self._tolerance_us = round(future_tolerance_s * SECOND)
        self._devices = {device: _Device() for device in devices}

    def know(self, devices: Collection[str]) -> None:
        """From now on these are the devices; what is known of those that stay is kept."""
        self._devices = {device: self._devices.get(device) or _Device() for device in devices}

    def judge(self, readings: Sequence[Reading], now_us: int) -> Verdict:
        """Judge readings in the order of their arrival; ``now_us`` is the present instant."""
        accepted: list[Reading] = []
        rejected: list[Rejection] = []
        oldest_us, newest_us, devices = _OLDEST_US, now_us + self._tolerance_us, self._devices
        for reading in readings:
            time_us = reading.time_us
            series: _Series | None
            try:
                series = devices[reading.device].series[reading.quantity]
            except KeyError:
                series = self._new_series(reading)
            if series is None or not isfinite(reading.value) or not oldest_us <= time_us <= newest_us:
                rejected.append(Rejection(reading, self._reason(reading, newest_us)))
                continue
            reason = "" if reading.quality else series.watch.judge(reading)  # who doubted or made it has judged it
            is_after_gap = series.pace.is_after_gap(time_us)
            is_skewed = reading.device_time and series.clock.is_wrong(time_us, now_us)
            if not (reason or is_after_gap or is_skewed):
                accepted.append(reading)
                continue
            if reason and reason is not CONFIRMED:
                self.doubted[reason] += 1
                accepted.append(replace(reading, quality=Quality.SUSPECT, reason=reason))
                continue
            if (is_after_gap or is_skewed) and not reading.reason:
                accepted.append(replace(reading, reason=SKEW if is_skewed else GAP))
            else:
                accepted.append(reading)
            if reason is CONFIRMED:
                accepted.append(_lifted(series.watch))
                self.confirmed += 1
        return Verdict(accepted, rejected)

    def _new_series(self, reading: Reading) -> _Series | None:
        """What is going to be known of a series that is new; None if it cannot have one."""
        name = reading.quantity
        device, quantity = self._devices.get(reading.device), QUANTITIES.get(name)
        if device is None or quantity is None or quantity.kind is Kind.INTERVAL:
            return None  # what is computed is never measured
        watch: Watch
        if name in PHASES:
            device.phases = device.phases or Phases()
            watch = PhaseWatch(quantity, device.motion, self._stuck_after_us, device.phases)
        elif quantity.kind is Kind.GAUGE:
            watch = GaugeWatch(quantity, device.motion, self._stuck_after_us)
        elif quantity.kind is Kind.REGISTER:
            watch = RegisterWatch(quantity)
        else:
            watch = StateWatch(quantity)
        device.series[name] = series = _Series(watch, device.clock)
        return series

    def _reason(self, reading: Reading, newest_us: int) -> str:
        if reading.device not in self._devices:
            return UNKNOWN_DEVICE
        if reading.quantity not in self._devices[reading.device].series:
            return UNKNOWN_QUANTITY
        if not isfinite(reading.value):
            return NOT_FINITE
        return FUTURE if reading.time_us > newest_us else TOO_OLD


def _lifted(watch: Watch) -> Reading:
    assert isinstance(watch, GaugeWatch)
    return replace(watch.take_lifted(), reason=CONFIRMED)
