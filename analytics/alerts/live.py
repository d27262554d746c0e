"""Findings in live readings: devices that have gone silent, and values that the gateway doubts."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import msgspec

from analytics.alerts.alert import Evidence, Finding
from analytics.alerts.wording import Wording
from metering.estate import Device, Estate
from metering.event import Severity
from metering.heartbeat import GATEWAY
from metering.instant import SECOND
from metering.quality import Quality
from metering.quantities import QUANTITIES
from metering.reading import Reading
from metering.samples import Samples

EVERYTHING = "installation"
"""The subject of what concerns all devices."""

_COMMON_CAUSE = 0.5  # from this share of the devices on, at least three, silence has one cause
_COMMON_LEAST = 3
_SHOWN = 300  # samples of evidence

# By the reason the gateway gives: kind, title and severity of the alert; a device has one alert of each kind.
_DOUBTS: Mapping[str, tuple[str, str, Severity]] = {
    "stuck": ("stuck", "title.stuck", Severity.WARNING),
    "backwards": ("backwards", "title.backwards", Severity.WARNING),
    "jump": ("jump", "title.jump", Severity.WARNING),
    "range": ("range", "title.range", Severity.WARNING),
    "spike": ("spike", "title.spike_reading", Severity.INFO),
}
_OTHER_DOUBT = ("doubted", "title.doubted", Severity.INFO)


def silence_cause(device: str) -> str:
    return f"{device}:silence"


def stuck_cause(device: str) -> str:
    return f"{device}:stuck"


class Silence:
    """Which devices are silent: unheard for ``factor`` of their intervals and for ``least_s`` seconds.

    ``since_us`` is when listening began: patience begins then, and a device never heard counts as heard then.
    """

    def __init__(self, factor: float, least_s: float, since_us: int) -> None:
        self._factor = factor
        self._least_s = least_s
        self._since_us = since_us

    def silent(
        self, devices: Iterable[Device], heard_us: Mapping[str, int], now_us: int
    ) -> Iterator[tuple[Device, int]]:
        """The silent ones, each with when it was last heard."""
        for device in devices:
            last_us = heard_us.get(device.id, self._since_us)
            patience = max(self._factor * device.interval_s, self._least_s)
            if now_us - max(last_us, self._since_us) > patience * SECOND:
                yield device, last_us


def silence(
    silent: Sequence[tuple[Device, int]], devices: Collection[Device], now_us: int, wording: Wording
) -> Iterator[Finding]:
    """A finding for each silent device; or one for all, if half of them fell silent: then it is not the devices."""
    say = wording.say
    if len(silent) >= max(_COMMON_LEAST, _COMMON_CAUSE * len(devices)):
        names = ", ".join(sorted(device.name for device, _ in silent))
        title = say("title.silent_many", number=len(silent), all=len(devices))
        first_us = min(last_us for _, last_us in silent)
        yield Finding(
            f"{EVERYTHING}:silence",
            "silent_many",
            EVERYTHING,
            "",
            Severity.CRITICAL,
            first_us,
            now_us,
            title,
            say("explain.silent_many", names=names),
        )
        return
    for device, last_us in silent:
        interval = wording.duration(int(device.interval_s * SECOND))
        yield Finding(
            silence_cause(device.id),
            "silent",
            device.id,
            device.building or "",
            Severity.WARNING,
            last_us,
            now_us,
            say("title.silent", name=device.name),
            say("explain.silent", since=wording.moment(last_us), interval=interval),
        )


def gateway_silence(heartbeat_us: int, now_us: int, wording: Wording) -> Finding:
    """The finding that the gateway itself is silent: then nothing is known of the devices."""
    say = wording.say
    return Finding(
        f"{GATEWAY}:silence",
        "gateway_down",
        EVERYTHING,
        "",
        Severity.CRITICAL,
        heartbeat_us,
        now_us,
        say("title.gateway_down"),
        say("explain.gateway_down", since=wording.moment(heartbeat_us)),
    )


def doubts(flagged: Iterable[Reading], estate: Estate, wording: Wording) -> Iterator[tuple[Finding, Reading]]:
    """One finding for each device and reason among the suspect readings, with the newest of them."""
    groups: dict[tuple[str, str], list[Reading]] = defaultdict(list)
    for reading in flagged:
        if reading.quality is Quality.SUSPECT and reading.device in estate.devices:
            groups[reading.device, reading.reason].append(reading)
    for (device_id, reason), readings in groups.items():
        device = estate.devices[device_id]
        kind, title, severity = _DOUBTS.get(reason, _OTHER_DOUBT)
        first, last = min(readings, key=_time), max(readings, key=_time)
        explanation = wording.say(
            "explain.flagged",
            number=sum(reading.quantity == last.quantity for reading in readings),
            quantity=last.quantity,
            since=wording.moment(first.time_us),
            value=wording.number(last.value),
            unit=QUANTITIES[last.quantity].unit if last.quantity in QUANTITIES else "",
        )
        finding = Finding(
            f"{device_id}:{kind}",
            kind,
            device_id,
            device.building or "",
            severity,
            first.time_us,
            last.time_us,
            wording.say(title, name=device.name),
            explanation,
        )
        yield finding, last


def with_evidence(finding: Finding, quantity: str, samples: Samples) -> Finding:
    """The finding with the newest of the samples."""
    unit = QUANTITIES[quantity].unit if quantity in QUANTITIES else ""
    times, values = samples.times_us[-_SHOWN:].tolist(), samples.values[-_SHOWN:].tolist()
    return msgspec.structs.replace(finding, evidence=Evidence(quantity, unit, tuple(times), tuple(values)))


def _time(reading: Reading) -> int:
    return reading.time_us
