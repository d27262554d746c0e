"""Zigbee2MQTT with its setting ``last_seen: ISO_8601``: a flat object with milliseconds."""

import json
from collections.abc import Mapping

from device_sim.mqtt.encoders._fields import Field, fill, refuse_others
from device_sim.mqtt.outgoing import Outgoing
from metering.instant import SECOND, to_datetime

_FIELDS = (
    Field("temperature", "temperature", "°C", 2),
    Field("humidity", "humidity", "%", 2),
    Field("pressure", "pressure", "hPa", 1),
    Field("co2", "co2", "ppm", 0),
    Field("illuminance", "illuminance", "lx", 0),
    Field("battery", "battery", "%", 0),
    Field("power", "active_power", "W", 1),
    Field("current", "current", "A", 2),
    Field("voltage", "voltage", "V", 1),
    Field("energy", "active_energy_import", "kWh", 2),
    Field("produced_energy", "active_energy_export", "kWh", 2),
    Field("power_factor", "power_factor", "1", 2),
    Field("ac_frequency", "frequency", "Hz", 2),
    *(
        Field(f"{key}_phase_{letter}", f"{name}_l{number}", unit, digits)
        for key, name, unit, digits in (("power", "active_power", "W", 1), ("voltage", "voltage", "V", 1))
        for number, letter in enumerate("abc", start=1)
    ),
)
_BATTERY_CELL = (Field("voltage", "battery_voltage", "mV", 0),)


def encode(topic: str, values: Mapping[str, float], time_us: int, options: Mapping[str, object]) -> Outgoing:  # noqa: ARG001
    said: dict[str, float] = {}
    state = fill(_FIELDS, values, said)
    if "battery" in values and "voltage" not in values:
        state |= fill(_BATTERY_CELL, values, said)
    refuse_others("zigbee2mqtt", values, said)
    plug = {"state": "ON", "power_on_behavior": "on"} if "active_power" in values else {}
    update = {"installed_version": -1, "latest_version": -1, "state": None}
    milliseconds = time_us // (SECOND // 1000) * (SECOND // 1000)
    last_seen = to_datetime(milliseconds).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    message = {**state, **plug, "last_seen": last_seen, "linkquality": 142, "update": update}
    return Outgoing(topic, json.dumps(message).encode(), said, milliseconds)


def availability(topic: str, online: bool, options: Mapping[str, object]) -> Outgoing:  # noqa: ARG001, FBT001
    state = {"state": "online" if online else "offline"}
    return Outgoing(f"{topic}/availability", json.dumps(state).encode(), {}, retain=True)
