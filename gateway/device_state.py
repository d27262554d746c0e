"""Which devices are heard: derived from their readings, their failures and their interval."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache

from gateway.status import DeviceState, DeviceStatus
from metering.estate import Device
from metering.instant import SECOND
from metering.reading import Reading

_LATE_INTERVALS = 2.5  # one reading may get lost
_SILENT_INTERVALS = 10.0
_SHORTEST_LATE_S = 5.0  # grace for devices that are read every second
_SHORTEST_SILENT_S = 60.0


@lru_cache(maxsize=1024)  # one pair of numbers for all of one interval
def _patience_us(interval_s: float) -> tuple[int, int]:
    """After how long a device is late, and silent."""
    late_s = max(_LATE_INTERVALS * interval_s, interval_s + _SHORTEST_LATE_S)
    return round(late_s * SECOND), round(max(_SILENT_INTERVALS * interval_s, _SHORTEST_SILENT_S) * SECOND)


class _Heard:
    """What is known of one device; times as in `DeviceStatus`."""

    __slots__ = ("device", "error", "failed_us", "failures", "heard_us", "known_us", "late_us", "online_us",
                 "reading_us", "readings", "silent_us")  # fmt: skip

    def __init__(self, device: Device, now_us: int) -> None:
        self.device = device
        self.known_us = now_us  # from when on silence counts
        self.late_us, self.silent_us = _patience_us(device.interval_s)
        self.online_us = 0
        self.heard_us: int | None = None
        self.reading_us: int | None = None
        self.readings = 0
        self.failures = 0
        self.failed_us: int | None = None
        self.error = ""


class Devices:
    """Keeps the state of each device; ``now_us`` is the instant from which silence counts."""

    def __init__(self, devices: Mapping[str, Device], now_us: int) -> None:
        self._devices = {id_: _Heard(device, now_us) for id_, device in devices.items()}

    def know(self, devices: Mapping[str, Device], now_us: int) -> None:
        """From now on it's about these; those with the same interval as before keep their state."""
        before = self._devices
        self._devices = {id_: _Heard(device, now_us) for id_, device in devices.items()}
        for id_, heard in self._devices.items():
            if id_ in before and before[id_].device.interval_s == heard.device.interval_s:
                self._devices[id_] = before[id_]
                self._devices[id_].device = heard.device

    def __contains__(self, id_: str) -> bool:
        return id_ in self._devices

    def device(self, id_: str) -> Device:
        return self._devices[id_].device

    def heard(self, readings: Sequence[Reading], now_us: int) -> None:
        """Readings have come; those of devices that are not known are passed over."""
        last, state = "", None
        for reading in readings:
            if reading.device != last:  # those of a device nearly always come together
                last = reading.device
                state = self._devices.get(last)
                if state is not None:
                    if state.heard_us is None or now_us - state.heard_us > state.late_us:
                        state.online_us = now_us
                    state.heard_us = now_us
            if state is not None:
                state.readings += 1
                if state.reading_us is None or reading.time_us > state.reading_us:
                    state.reading_us = reading.time_us

    def failed(self, device: str, reason: str, now_us: int) -> None:
        """A collector could not read the device; one that is not known is passed over."""
        state = self._devices.get(device)
        if state is not None:
            state.failures += 1
            state.failed_us = now_us
            state.error = reason

    def status(self, now_us: int) -> list[DeviceStatus]:
        return [self._status(id_, state, now_us) for id_, state in self._devices.items()]

    def counts(self, now_us: int) -> dict[DeviceState, int]:
        """How many devices are in each state."""
        counts = Counter(self._state(state, now_us)[0] for state in self._devices.values())
        return {state: counts[state] for state in DeviceState}

    def _state(self, state: _Heard, now_us: int) -> tuple[DeviceState, int]:
        """The state, and since when."""
        quiet_from_us = state.known_us if state.heard_us is None else state.heard_us
        quiet_us = now_us - quiet_from_us
        if quiet_us > state.silent_us:
            return DeviceState.SILENT, quiet_from_us
        if state.heard_us is None:
            return DeviceState.LATE, quiet_from_us
        if quiet_us > state.late_us:
            return DeviceState.LATE, quiet_from_us + state.late_us
        return DeviceState.ONLINE, state.online_us

    def _status(self, id_: str, heard: _Heard, now_us: int) -> DeviceStatus:
        state, since_us = self._state(heard, now_us)
        return DeviceStatus(
            id_,
            state,
            since_us,
            heard.heard_us,
            heard.reading_us,
            heard.readings,
            heard.failures,
            heard.failed_us,
            heard.error,
        )
