"""ChirpStack 4: an uplink of a climate sensor that has a codec."""

import json
from collections.abc import Mapping

from device_sim.mqtt.encoders._fields import Field, fill, refuse_others
from device_sim.mqtt.outgoing import Outgoing
from metering.instant import isoformat

_OBJECT = (
    Field("temperature", "temperature", "°C", 1),
    Field("humidity", "humidity", "%", 1),
    Field("co2", "co2", "ppm", 0),
    Field("barometric_pressure", "pressure", "hPa", 1),
    Field("illuminance", "illuminance", "lx", 0),
    Field("vdd", "battery_voltage", "mV", 0),
)


def encode(topic: str, values: Mapping[str, float], time_us: int, options: Mapping[str, object]) -> Outgoing:  # noqa: ARG001
    said: dict[str, float] = {}
    decoded = fill(_OBJECT, values, said)
    refuse_others("chirpstack", values, said)
    message = {
        "deduplicationId": "3ac7e3c4-4401-4b8d-9386-a5c902f9202d",
        "time": isoformat(time_us),
        "deviceInfo": {"deviceName": "climate", "devEui": topic.rpartition("/")[2]},
        "fPort": 85,
        "data": "qg==",
        "object": {**decoded, "firmware": 12},
        "rxInfo": [{"gatewayId": "0016c001f153a14c", "rssi": -36, "snr": 10.5}],
    }
    return Outgoing(f"{topic}/event/up", json.dumps(message).encode(), said, time_us)


def availability(topic: str, online: bool, options: Mapping[str, object]) -> None:  # noqa: ARG001, FBT001
    return None
