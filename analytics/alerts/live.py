"""Findings in live readings: devices that have gone silent, and values that the gateway doubts."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from types import MappingProxyType

import msgspec

from analytics.alerts.alert import Evidence, Finding
from analytics.alerts.kinds import KINDS
from analytics.alerts.sensitivity import least_signs
from analytics.alerts.wording import Wording
from metering.estate import Device, Estate
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

# By the reason the gateway gives: kind and title of the alert; a device has one alert of each kind.
_DOUBTS: Mapping[str, tuple[str, str]] = {
    "stuck": ("stuck", "title.stuck"),
    "backwards": ("backwards", "title.backwards"),
    "jump": ("jump", "title.jump"),
    "range": ("range", "title.range"),
    "spike": ("spike", "title.spike_reading"),
    "imbalance": ("phase_loss", "title.imbalance"),
}
_OTHER_DOUBT = ("doubted", "title.doubted")

Sensitivities = Mapping[tuple[str, str], float]
"""How readily alerts are raised, by subject and kind, see `analytics.alerts.sensitivity`; 1 where there is none."""


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
        self,
        devices: Iterable[Device],
        heard_us: Mapping[str, int],
        now_us: int,
        sensitivities: Sensitivities = MappingProxyType({}),
    ) -> Iterator[tuple[Device, int]]:
        """The silent ones, each with when it was last heard. Less sensitivity is more patience."""
        for device in devices:
            last_us = heard_us.get(device.id, self._since_us)
            patience = max(self._factor * device.interval_s, self._least_s)
            patience /= sensitivities.get((device.id, "silent"), 1.0)
            if now_us - max(last_us, self._since_us) > patience * SECOND:
                yield device, last_us


def silence(
    silent: Sequence[tuple[Device, int]],
    devices: Collection[Device],
    now_us: int,
    wording: Wording,
    names: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Finding]:
    """A finding for each silent device; one for all of a building; or one for all, if half of them fell silent.

    Where many fall silent together it is not the devices.
    """
    if len(silent) >= max(_COMMON_LEAST, _COMMON_CAUSE * len(devices)):
        title = wording.say("title.silent_many", number=len(silent), all=len(devices))
        yield _together("silent_many", EVERYTHING, "", silent, now_us, title, wording)
        return
    in_buildings = Counter(device.building for device in devices)
    for building, group in groupby(sorted(silent, key=_building), key=_building):
        here = list(group)
        if building and len(here) == in_buildings[building] >= _COMMON_LEAST:
            title = wording.say("title.silent_building", number=len(here), name=names.get(building, building))
            yield _together("silent_building", building, building, here, now_us, title, wording)
        else:
            yield from (_alone(device, last_us, now_us, wording) for device, last_us in here)


def _together(  # noqa: PLR0913, PLR0917 - what a finding consists of
    kind: str,
    subject: str,
    building: str,
    silent: Sequence[tuple[Device, int]],
    now_us: int,
    title: str,
    wording: Wording,
) -> Finding:
    return Finding(
        silence_cause(subject),
        kind,
        subject,
        building,
        KINDS[kind].severity,
        min(last_us for _, last_us in silent),
        now_us,
        title,
        wording.say(f"explain.{kind}", names=", ".join(sorted(device.name for device, _ in silent))),
    )


def _alone(device: Device, last_us: int, now_us: int, wording: Wording) -> Finding:
    interval = wording.duration(int(device.interval_s * SECOND))
    return Finding(
        silence_cause(device.id),
        "silent",
        device.id,
        device.building or "",
        KINDS["silent"].severity,
        last_us,
        now_us,
        wording.say("title.silent", name=device.name),
        wording.say("explain.silent", since=wording.moment(last_us), interval=interval),
    )


def _building(silent: tuple[Device, int]) -> str:
    return silent[0].building or ""


def gateway_silence(heartbeat_us: int, now_us: int, wording: Wording) -> Finding:
    """The finding that the gateway itself is silent: then nothing is known of the devices."""
    say = wording.say
    return Finding(
        f"{GATEWAY}:silence",
        "gateway_down",
        EVERYTHING,
        "",
        KINDS["gateway_down"].severity,
        heartbeat_us,
        now_us,
        say("title.gateway_down"),
        say("explain.gateway_down", since=wording.moment(heartbeat_us)),
    )


def doubts(
    flagged: Iterable[Reading], estate: Estate, wording: Wording, sensitivities: Sensitivities = MappingProxyType({})
) -> Iterator[tuple[Finding, Reading]]:
    """One finding for each device and reason among the suspect readings, with the newest of them.

    Less sensitivity is more readings that it takes.
    """
    groups: dict[tuple[str, str], list[Reading]] = defaultdict(list)
    for reading in flagged:
        if reading.quality is Quality.SUSPECT and reading.device in estate.devices:
            groups[reading.device, reading.reason].append(reading)
    for (device_id, reason), readings in groups.items():
        device = estate.devices[device_id]
        kind, title = _DOUBTS.get(reason, _OTHER_DOUBT)
        if len(readings) < least_signs(sensitivities.get((device_id, kind), 1.0)):
            continue
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
            KINDS[kind].severity,
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
