"""Shelly Gen2 and later: NotifyStatus of a three-phase meter, an outlet, or a climate sensor."""

import json
from collections.abc import Mapping

from device_sim.mqtt.encoders._fields import Field, fill, raw, refuse_others
from device_sim.mqtt.outgoing import Outgoing
from metering.instant import SECOND
from metering.units import to_canonical

_PHASES = tuple(enumerate("abc", start=1))
_EM = (
    Field("total_act_power", "active_power", "W", 3),
    Field("total_aprt_power", "apparent_power", "VA", 3),
    *(Field(f"{letter}_act_power", f"active_power_l{n}", "W", 1) for n, letter in _PHASES),
    *(Field(f"{letter}_voltage", f"voltage_l{n}", "V", 1) for n, letter in _PHASES),
    *(Field(f"{letter}_current", f"current_l{n}", "A", 3) for n, letter in _PHASES),
    Field("n_current", "current_n", "A", 3),
    Field("a_freq", "frequency", "Hz", 1),
)
_METER = {field.quantity for field in _EM} - {"active_power", "frequency"}
_EMDATA = (
    Field("total_act", "active_energy_import", "Wh", 2),
    Field("total_act_ret", "active_energy_export", "Wh", 2),
)
_OUTLET = (
    Field("apower", "active_power", "W", 1),
    Field("voltage", "voltage", "V", 1),
    Field("current", "current", "A", 3),
    Field("freq", "frequency", "Hz", 1),
    Field("pf", "power_factor", "1", 2),
)


def encode(topic: str, values: Mapping[str, float], time_us: int, options: Mapping[str, object]) -> Outgoing:  # noqa: ARG001
    said: dict[str, float] = {}
    hundredths = time_us // (SECOND // 100)
    params: dict[str, object] = {"ts": hundredths / 100}
    if _METER & values.keys():
        params["em:0"] = {"id": 0, "n_current": None, **fill(_EM, values, said)}
        if energy := fill(_EMDATA, values, said):
            params["emdata:0"] = {"id": 0, **energy}
    elif outlet := {**fill(_OUTLET, values, said), **_counters(values, said)}:
        params["switch:0"] = {"id": 0, "output": True, "temperature": {"tC": 45.2, "tF": 113.4}, **outlet}
    if "temperature" in values:
        celsius = raw(values["temperature"], "temperature", "°C", 1)
        params["temperature:0"] = {"id": 0, "tC": celsius, "tF": round(celsius * 1.8 + 32, 1)}
        said["temperature"] = celsius
    if "humidity" in values:
        params["humidity:0"] = {"id": 0, **fill((Field("rh", "humidity", "%", 1),), values, said)}
    if "battery" in values:
        battery = fill((Field("percent", "battery", "%", 0),), values, said)
        params["devicepower:0"] = {"id": 0, "battery": {**battery}, "external": {"present": False}}
    refuse_others("shelly_gen2", values, said)
    source = topic.rpartition("/")[2]
    message = {"src": source, "dst": f"{topic}/events", "method": "NotifyStatus", "params": params}
    return Outgoing(f"{topic}/events/rpc", json.dumps(message).encode(), said, hundredths * (SECOND // 100))


def availability(topic: str, online: bool, options: Mapping[str, object]) -> Outgoing:  # noqa: ARG001, FBT001
    return Outgoing(f"{topic}/online", b"true" if online else b"false", {}, retain=True)


def _counters(values: Mapping[str, float], said: dict[str, float]) -> dict[str, object]:
    """``aenergy`` counts both directions on devices that have ``ret_aenergy``."""
    counters: dict[str, object] = {}
    returned = 0.0
    if "active_energy_export" in values:
        returned = raw(values["active_energy_export"], "active_energy_export", "Wh", 3)
        counters["ret_aenergy"] = {"total": returned, "by_minute": [0.0, 0.0, 0.0]}
        said["active_energy_export"] = to_canonical(returned, "Wh")
    if "active_energy_import" in values:
        imported = raw(values["active_energy_import"], "active_energy_import", "Wh", 3)
        total = round(imported + returned, 3)
        counters["aenergy"] = {"total": total, "by_minute": [12.5, 12.5, 12.5], "minute_ts": 1661517419}
        said["active_energy_import"] = to_canonical(imported, "Wh")
    return counters
