"""wmbusmeters: the telegram of a heat meter, a water meter, an electricity meter or a room sensor."""

import json
from collections.abc import Mapping

from device_sim.mqtt.encoders._fields import Field, fill, refuse_others
from device_sim.mqtt.outgoing import Outgoing
from metering.instant import SECOND, isoformat

_MEDIA = {
    ("heat", "kamheat"): (
        Field("total_energy_consumption_kwh", "heat_energy", "kWh", 3),
        Field("power_kw", "heat_power", "kW", 3),
        Field("volume_flow_m3h", "volume_flow", "m³/h", 3),
        Field("t1_temperature_c", "flow_temperature", "°C", 2),
        Field("t2_temperature_c", "return_temperature", "°C", 2),
    ),
    ("water", "iperl"): (Field("total_m3", "water_volume", "m³", 3),),
    ("warm water", "iperl"): (Field("total_m3", "hot_water_volume", "m³", 3),),
    ("gas", "unigas"): (Field("total_m3", "gas_volume", "m³", 3),),
    ("electricity", "amiplus"): (
        Field("total_energy_consumption_kwh", "active_energy_import", "kWh", 3),
        Field("total_energy_production_kwh", "active_energy_export", "kWh", 3),
        Field("current_power_consumption_kw", "active_power_import", "kW", 3),
        Field("current_power_production_kw", "active_power_export", "kW", 3),
        *(Field(f"voltage_at_phase_{n}_v", f"voltage_l{n}", "V", 0) for n in (1, 2, 3)),
    ),
    ("room sensor", "lansenth"): (
        Field("current_temperature_c", "temperature", "°C", 2),
        Field("current_relative_humidity_rh", "humidity", "%", 1),
    ),
}


def encode(topic: str, values: Mapping[str, float], time_us: int, options: Mapping[str, object]) -> Outgoing:  # noqa: ARG001
    seconds = time_us // SECOND * SECOND
    said: dict[str, float] = {}
    media, meter, registers = next(
        ((*kind, filled) for kind, fields in _MEDIA.items() if (filled := fill(fields, values, said))), ("", "", {})
    )
    refuse_others("wmbusmeters", values, said)
    head = {"_": "telegram", "media": media, "meter": meter, "name": "town", "id": "00225544", "status": "OK"}
    key_date = {"target_date": "2025-12-31", "target_energy_kwh": 40, "max_flow_m3h": 9.9}
    message = {**head, **registers, **key_date, "timestamp": isoformat(seconds), "rssi_dbm": -71}
    return Outgoing(topic, json.dumps(message).encode(), said, seconds)


def availability(topic: str, online: bool, options: Mapping[str, object]) -> None:  # noqa: ARG001, FBT001
    return None
