"""The Things Stack 3: an uplink of a climate sensor, in its maker's words and normalized."""

import json
from collections.abc import Mapping

from device_sim.mqtt.encoders._fields import Field, fill, refuse_others
from device_sim.mqtt.outgoing import Outgoing
from metering.instant import isoformat

_AIR = (
    Field("temperature", "temperature", "°C", 2),
    Field("relativeHumidity", "humidity", "%", 1),
    Field("pressure", "pressure", "hPa", 1),
    Field("co2", "co2", "ppm", 0),
    Field("lightIntensity", "illuminance", "lx", 0),
)
_DEVICE = (Field("battery", "battery_voltage", "V", 3),)


def encode(topic: str, values: Mapping[str, float], time_us: int, options: Mapping[str, object]) -> Outgoing:  # noqa: ARG001
    said: dict[str, float] = {}
    air = fill(_AIR, values, said)
    normalized = {**fill(_DEVICE, values, said), **({"air": air} if air else {})}
    refuse_others("tts", values, said)
    received_at = isoformat(time_us)
    message = {
        "end_device_ids": {"device_id": topic.rpartition("/")[2]},
        "received_at": received_at,
        "uplink_message": {
            "f_cnt": 191,
            "decoded_payload": {"TempC_SHT": values.get("temperature"), "Bat_status": 3},
            "normalized_payload": [normalized],
            "rx_metadata": [{"rssi": -60, "snr": 8.5, "timestamp": 746672804}],
            "received_at": received_at,
        },
    }
    return Outgoing(f"{topic}/up", json.dumps(message).encode(), said, time_us)


def availability(topic: str, online: bool, options: Mapping[str, object]) -> None:  # noqa: ARG001, FBT001
    return None
