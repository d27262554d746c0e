"""Configured JSON: the object that the options of `collectors.mqtt.formats.json` describe, and some fields beside."""

import json
from collections.abc import Mapping

from collectors.mqtt.formats.json import JsonOptions, JsonTime
from device_sim.mqtt.encoders._fields import raw, refuse_others
from device_sim.mqtt.outgoing import Outgoing
from metering.instant import SECOND, isoformat
from metering.units import to_canonical

_DIGITS = 6
_PER_SECOND = {"unix_s": 1, "unix_ms": 10**3, "unix_us": 10**6, "unix_ns": 10**9}


def encode(topic: str, values: Mapping[str, float], time_us: int, options: Mapping[str, object]) -> Outgoing:
    described = JsonOptions.model_validate(options)
    root: dict[str, object] = {"serial": "0012345678", "firmware": 1.4, "ok": True}
    said: dict[str, float] = {}
    for field in described.values:
        if field.quantity in values:
            number = round(raw(values[field.quantity], field.quantity, field.unit, 12) / field.factor, _DIGITS)
            _put(root, field.pointer, str(number) if field.text else number)
            said[field.quantity] = to_canonical(number * field.factor, field.unit)
    refuse_others("json", values, said)
    said_at = _put_time(root, described.time, time_us) if described.time is not None else None
    return Outgoing(topic, json.dumps(root).encode(), said, said_at)


def availability(topic: str, online: bool, options: Mapping[str, object]) -> None:  # noqa: ARG001, FBT001
    return None


def _put_time(root: dict[str, object], time: JsonTime, time_us: int) -> int:
    """Puts the instant where the options want it; returns it, as exact as the format is."""
    if time.format == "iso8601":
        _put(root, time.pointer, isoformat(time_us))
        return time_us
    per_second = _PER_SECOND[time.format]
    count = time_us * per_second // SECOND
    _put(root, time.pointer, count)
    return count * SECOND // per_second


def _put(root: dict[str, object], pointer: str, value: object) -> None:
    *path, last = (step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])
    item = root
    for step in path:
        inner = item.setdefault(step, {})
        assert isinstance(inner, dict), "two pointers contradict each other"
        item = inner
    item[last] = value
