"""Shelly Gen1: the status of an outlet, a one-phase energy meter or a climate sensor, as on the topic ``info``."""

import json
from collections.abc import Mapping

from device_sim.mqtt.encoders._fields import Field, fill, raw, refuse_others
from device_sim.mqtt.outgoing import Outgoing
from metering.instant import SECOND

_OUTLET = (Field("power", "active_power", "W", 2), Field("total", "active_energy_import", "Wmin", 0))
_EMETER = (
    Field("power", "active_power", "W", 2),
    Field("reactive", "reactive_power", "var", 2),
    Field("pf", "power_factor", "1", 2),
    Field("voltage", "voltage", "V", 2),
    Field("total", "active_energy_import", "Wh", 1),
    Field("total_returned", "active_energy_export", "Wh", 1),
)
_ONLY_EMETER = {field.quantity for field in _EMETER} - {field.quantity for field in _OUTLET}


def encode(topic: str, values: Mapping[str, float], time_us: int, options: Mapping[str, object]) -> Outgoing:  # noqa: ARG001
    said: dict[str, float] = {}
    seconds = time_us // SECOND
    status: dict[str, object] = {"wifi_sta": {"connected": True, "rssi": -61}, "time": "00:30", "unixtime": seconds}
    if _ONLY_EMETER & values.keys():
        status["emeters"] = [{**fill(_EMETER, values, said), "is_valid": True}]
    elif outlet := fill(_OUTLET, values, said):
        status["meters"] = [
            {**outlet, "overpower": 0, "is_valid": True, "timestamp": seconds + 7200, "counters": [0.1]}
        ]
    if "humidity" in values:
        status["hum"] = {**fill((Field("value", "humidity", "%", 1),), values, said), "is_valid": True}
        if "temperature" in values:
            celsius = said["temperature"] = raw(values["temperature"], "temperature", "°C", 2)
            status["tmp"] = {"value": celsius, "units": "C", "tC": celsius, "tF": celsius * 1.8 + 32, "is_valid": True}
    if "battery" in values:
        status["bat"] = {**fill((Field("value", "battery", "%", 0),), values, said), "voltage": 2.91}
    refuse_others("shelly_gen1", values, said)
    return Outgoing(f"{topic}/info", json.dumps(status).encode(), said, seconds * SECOND)


def availability(topic: str, online: bool, options: Mapping[str, object]) -> Outgoing:  # noqa: ARG001, FBT001
    return Outgoing(f"{topic}/online", b"true" if online else b"false", {}, retain=True)
