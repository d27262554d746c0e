"""What simulated devices say, by payload format; the settings that understand it, and how many readings it holds."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple


class Speech(NamedTuple):
    """``topic`` as in the settings, ``said_on`` as on the broker, ``payload`` of the n-th time a device speaks."""

    topic: Callable[[int], str]
    said_on: Callable[[int], str]
    payload: Callable[[int], bytes]
    options: dict[str, Any]
    readings: int


def _tasmota(n: int) -> bytes:
    energy = {"TotalStartTime": "2025-01-01T00:00:00", "Total": 1000 + n / 1000, "Yesterday": 1.2, "Today": 0.3}
    power = {"Power": 60 + n % 7, "ApparentPower": 62, "ReactivePower": 10, "Factor": 0.95}
    mains = {"Voltage": 230 + n % 5, "Current": 0.265}
    return json.dumps({"Time": "2026-06-01T10:00:00", "ENERGY": {**energy, **power, **mains}}).encode()


def _shelly(n: int) -> bytes:
    counted = {"total": 1000.0 + n, "by_minute": [0.0, 0.0, 0.0], "minute_ts": 1_700_000_000}
    outlet = {"apower": 60.5 + n % 7, "voltage": 230.1 + n % 5, "freq": 50.0, "current": 0.265, "aenergy": counted}
    return json.dumps({"id": 0, "source": "MQTT", "output": True, **outlet}).encode()


def _chirpstack(n: int) -> bytes:
    """As heard by two gateways."""
    gateways = [{"gatewayId": f"0016c001f153a14{g}", "uplinkId": n, "rssi": -36 - g, "snr": 10.5} for g in range(2)]
    info = {"tenantName": "Stadt", "applicationName": "Schulen", "deviceName": "Flur", "devEui": "0101010101010101"}
    said = {"temperature": 20 + n % 50 / 10, "humidity": 40 + n % 9, "co2": 600 + n % 300}
    up = {"deviceInfo": info, "dr": 1, "fPort": 1, "data": "qg==", "object": said, "rxInfo": gateways}
    return json.dumps({"time": f"2026-06-01T10:{n // 60 % 60:02}:{n % 60:02}.775023242+00:00", **up}).encode()


def _wmbusmeters(n: int) -> bytes:
    heat = {"media": "heat", "meter": "kamheat", "name": "MyHeater", "id": "22222222", "current_kw": 4 + n % 5 / 10}
    total = {"total_kwh": 1000 + n / 10, "total_volume_m3": 90 + n / 100}
    return json.dumps({**heat, **total, "timestamp": f"2026-06-01T10:{n // 60 % 60:02}:{n % 60:02}Z"}).encode()


KINDS = {
    "number": Speech(
        lambda n: f"bench/{n}",
        lambda n: f"bench/{n}",
        lambda n: f"{230 + n % 7 / 10}".encode(),
        {"quantity": "active_power", "unit": "W"},
        1,
    ),
    "json": Speech(
        lambda n: f"bench/{n}",
        lambda n: f"bench/{n}",
        lambda n: json.dumps({"power": 230 + n % 7 / 10, "unit": "W"}).encode(),
        {"values": [{"pointer": "/power", "quantity": "active_power", "unit": "W"}]},
        1,
    ),
    "tasmota": Speech(lambda n: f"plug{n}", lambda n: f"tele/plug{n}/SENSOR", _tasmota, {}, 7),
    "zigbee2mqtt": Speech(
        lambda n: f"zigbee2mqtt/plug{n}",
        lambda n: f"zigbee2mqtt/plug{n}",
        lambda n: json.dumps({"power": 49.5 + n % 7, "energy": 0.66, "linkquality": 57, "state": "ON"}).encode(),
        {},
        2,
    ),
    "chirpstack": Speech(
        lambda n: f"application/1/device/{n}", lambda n: f"application/1/device/{n}/event/up", _chirpstack, {}, 3
    ),
    "wmbusmeters": Speech(lambda n: f"wmbusmeters/{n}", lambda n: f"wmbusmeters/{n}", _wmbusmeters, {}, 2),
    "influx_line": Speech(
        lambda n: f"telegraf/{n}",
        lambda n: f"telegraf/{n}",
        lambda n: f"pv,host=roof power={230 + n % 7 / 10},status=3i {1_780_308_000 + n}{9 * '0'}".encode(),
        {"fields": [{"measurement": "pv", "field": "power", "quantity": "active_power", "unit": "W"}]},
        1,
    ),
    "shelly_gen2": Speech(lambda n: f"shelly{n}", lambda n: f"shelly{n}/status/switch:0", _shelly, {}, 5),
}


def devices(kind: str, number: int) -> list[dict[str, Any]]:
    """Their entries in the settings file."""
    speech = KINDS[kind]
    common = {"format": kind, "options": speech.options, "interval_s": 10}
    return [{"id": f"device{n}", "topic": speech.topic(n), **common} for n in range(number)]
