"""The judgement of a batch."""

from collections import Counter
from collections.abc import Collection, Sequence
from math import isfinite
from typing import NamedTuple

from msgspec.structs import replace

from gateway.plausibility.gauge import GaugeWatch, Motion
from gateway.plausibility.reasons import CONFIRMED, FUTURE, NOT_FINITE, RANGE, TOO_OLD, UNKNOWN_DEVICE, UNKNOWN_QUANTITY
from gateway.plausibility.register import RegisterWatch
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

    accepted  in the order given, suspects marked; also earlier readings again whose doubt is lifted (CONFIRMED)
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
        self._watches: dict[str, dict[str, Watch]] = {device: {} for device in devices}
        self._motions = {device: Motion() for device in devices}

    def know(self, devices: Collection[str]) -> None:
        """From now on these are the devices; what is known of those that stay is kept."""
        self._watches = {device: self._watches.get(device, {}) for device in devices}
        self._motions = {device: self._motions.get(device, Motion()) for device in devices}

    def judge(self, readings: Sequence[Reading], now_us: int) -> Verdict:
        """Judge readings in the order of their arrival; ``now_us`` is the present instant."""
        accepted: list[Reading] = []
        rejected: list[Rejection] = []
        newest_us = now_us + self._tolerance_us
        for reading in readings:
            watch: Watch | None
            try:
                watch = self._watches[reading.device][reading.quantity]
            except KeyError:
                watch = self._new_watch(reading)
            if watch is None or not isfinite(reading.value) or not _OLDEST_US <= reading.time_us <= newest_us:
                rejected.append(Rejection(reading, self._reason(reading, newest_us)))
            elif reading.quality or not (reason := watch.judge(reading)):  # who doubted or made it has judged it
                accepted.append(reading)
            elif reason is CONFIRMED:
                accepted += (reading, _lifted(watch))
                self.confirmed += 1
            else:
                self.doubted[reason] += 1
                accepted.append(replace(reading, quality=Quality.SUSPECT, reason=reason))
        return Verdict(accepted, rejected)

    def _new_watch(self, reading: Reading) -> Watch | None:
        """A watch for a series that has none yet; None if it cannot have one."""
        quantity = QUANTITIES.get(reading.quantity)
        if reading.device not in self._watches or quantity is None or quantity.kind is Kind.INTERVAL:
            return None  # what is computed is never measured
        watch: Watch
        if quantity.kind is Kind.GAUGE:
            watch = GaugeWatch(quantity, self._motions[reading.device], self._stuck_after_us)
        elif quantity.kind is Kind.REGISTER:
            watch = RegisterWatch(quantity)
        else:
            watch = StateWatch(quantity)
        self._watches[reading.device][reading.quantity] = watch
        return watch

    def _reason(self, reading: Reading, newest_us: int) -> str:
        if reading.device not in self._watches:
            return UNKNOWN_DEVICE
        if reading.quantity not in self._watches[reading.device]:
            return UNKNOWN_QUANTITY
        if not isfinite(reading.value):
            return NOT_FINITE
        return FUTURE if reading.time_us > newest_us else TOO_OLD


def _lifted(watch: Watch) -> Reading:
    assert isinstance(watch, GaugeWatch)
    return replace(watch.take_lifted(), reason=CONFIRMED)
