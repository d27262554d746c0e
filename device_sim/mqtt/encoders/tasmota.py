"""Tasmota: a plug's ENERGY, a meter's SML, a climate sensor's BME280. Time with UTC offset (SetOption52 1)."""

import json
from collections.abc import Mapping

from device_sim.mqtt.encoders._fields import Field, fill, refuse_others
from device_sim.mqtt.outgoing import Outgoing
from metering.instant import SECOND
from metering.localtime import LocalCalendar

_SML = (
    Field("Total_in", "active_energy_import", "kWh", 4),
    Field("Total_in_T1", "active_energy_import_t1", "kWh", 4),
    Field("Total_in_T2", "active_energy_import_t2", "kWh", 4),
    Field("Total_out", "active_energy_export", "kWh", 4),
    Field("Power_curr", "active_power", "W", 0),
    *(Field(f"power_l{n}", f"active_power_l{n}", "W", 0) for n in (1, 2, 3)),
    *(Field(f"voltage_l{n}", f"voltage_l{n}", "V", 1) for n in (1, 2, 3)),
    *(Field(f"current_l{n}", f"current_l{n}", "A", 2) for n in (1, 2, 3)),
    Field("Frequenz", "frequency", "Hz", 1),
)
_ENERGY = (
    Field("Total", "active_energy_import", "kWh", 3),
    Field("Power", "active_power", "W", 0),
    Field("ApparentPower", "apparent_power", "VA", 0),
    Field("ReactivePower", "reactive_power", "var", 0),
    Field("Factor", "power_factor", "1", 2),
    Field("Frequency", "frequency", "Hz", 0),
    Field("Voltage", "voltage", "V", 0),
    Field("Current", "current", "A", 3),
)
_METER = {field.quantity for field in _SML} - {field.quantity for field in _ENERGY}
_CLIMATE = (
    Field("Temperature", "temperature", "°C", 1),
    Field("Humidity", "humidity", "%", 1),
    Field("DewPoint", "dew_point", "°C", 1),
    Field("Pressure", "pressure", "hPa", 1),
    Field("CarbonDioxide", "co2", "ppm", 0),
)
_CALENDAR = LocalCalendar("Europe/Berlin")


def encode(topic: str, values: Mapping[str, float], time_us: int, options: Mapping[str, object]) -> Outgoing:
    seconds = time_us // SECOND * SECOND
    said: dict[str, float] = {}
    message: dict[str, object] = {"Time": _CALENDAR.local(seconds).isoformat(timespec="seconds")}
    if _METER & values.keys():
        message["SML"] = {"Meter_id": "0a01454652240487bd2a", **fill(_SML, values, said)}
    elif energy := fill(_ENERGY, values, said):
        message["ENERGY"] = {"TotalStartTime": "2024-01-01T00:00:00", "Yesterday": 1.234, "Today": 0.567, **energy}
    if climate := fill(_CLIMATE, values, said):
        message["SCD40" if "co2" in values else "BME280"] = climate
        message |= {"PressureUnit": "hPa", "TempUnit": "C"}
    refuse_others("tasmota", values, said)
    return Outgoing(_base(topic, options) + "SENSOR", json.dumps(message).encode(), said, seconds)


def availability(topic: str, online: bool, options: Mapping[str, object]) -> Outgoing:  # noqa: FBT001
    return Outgoing(_base(topic, options) + "LWT", b"Online" if online else b"Offline", {}, retain=True)


def _base(topic: str, options: Mapping[str, object]) -> str:
    full = str(options.get("full_topic", "%prefix%/%topic%/"))
    return full.replace("%prefix%", "tele").replace("%topic%", topic).rstrip("/") + "/"
