"""Sparkplug B: an edge node that is born with each report, so that every message can be read without the one before."""

import struct
from collections.abc import Mapping

from collectors.mqtt.sparkplug import DataType, Metric, Payload, write
from device_sim.mqtt.encoders._fields import raw, refuse_others
from device_sim.mqtt.outgoing import Outgoing
from metering.units import to_canonical

_MILLISECOND = 1000
_METRICS = {
    "active_power": ("Meter/P_total", "W", DataType.INT32),
    "active_energy_import": ("Meter/E_import", "kWh", DataType.DOUBLE),
    "active_energy_export": ("Meter/E_export", "kWh", DataType.DOUBLE),
    "heat_energy": ("Heat/E_heat", "MWh", DataType.DOUBLE),
    "heat_power": ("Heat/P_heat", "kW", DataType.FLOAT),
    "flow_temperature": ("Heat/T_flow", "°C", DataType.FLOAT),
    "return_temperature": ("Heat/T_return", "°C", DataType.FLOAT),
    "temperature": ("Room/T_room", "°C", DataType.DOUBLE),
    **{f"voltage_l{n}": (f"Meter/U_L{n}", "V", DataType.FLOAT) for n in (1, 2, 3)},
    **{f"active_power_l{n}": (f"Meter/P_L{n}", "W", DataType.INT64) for n in (1, 2, 3)},
}


def encode(topic: str, values: Mapping[str, float], time_us: int, options: Mapping[str, object]) -> Outgoing:  # noqa: ARG001
    """``topic`` is that of an edge node."""
    time_ms = time_us // _MILLISECOND
    said: dict[str, float] = {}
    metrics = [_session(time_ms)]
    for alias, (quantity, (name, unit, datatype)) in enumerate(_METRICS.items(), start=1):
        if quantity in values:
            value = raw(values[quantity], quantity, unit, 0 if datatype in (DataType.INT32, DataType.INT64) else 4)
            sent, means = _as(datatype, value)
            metrics.append(Metric(name, alias, time_ms, datatype, sent, {"engUnit": unit}))
            said[quantity] = to_canonical(means, unit)
    refuse_others("sparkplug_b", values, said)
    return Outgoing(_topic("NBIRTH", topic), write(Payload(time_ms, 0, metrics)), said, time_ms * _MILLISECOND)


def availability(topic: str, online: bool, options: Mapping[str, object]) -> Outgoing | None:  # noqa: ARG001, FBT001
    """A birth says that it is online."""
    return None if online else Outgoing(_topic("NDEATH", topic), write(Payload(0, metrics=[_session(0)])), {})


def _as(datatype: DataType, value: float) -> tuple[int | float, float]:
    """What is sent for a value, and what that means: negative integers travel as large ones, floats lose digits."""
    if datatype in (DataType.INT32, DataType.INT64):
        return int(value) % 2 ** (32 if datatype == DataType.INT32 else 64), value
    if datatype == DataType.FLOAT:
        return float(value), float(struct.unpack("<f", struct.pack("<f", value))[0])
    return float(value), float(value)


def _session(time_ms: int) -> Metric:
    return Metric("bdSeq", time_ms=time_ms, datatype=DataType.INT64, value=0)


def _topic(kind: str, topic: str) -> str:
    namespace, group, node = topic.split("/")
    return f"{namespace}/{group}/{kind}/{node}"
