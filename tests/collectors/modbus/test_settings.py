"""Mistakes in the settings are told before anything is connected."""

from typing import Any

import pytest
from pydantic import ValidationError

from collectors.modbus.settings import ModbusSettings

PULSES = {"quantity": "water_volume", "unit": "l", "per_pulse": 10}
DEVICE = {"id": "meter", "unit": 1, "template": "eastron/sdm630"}


def test_defaults() -> None:
    settings = ModbusSettings.model_validate({"id": "school", "host": "10.0.0.5", "devices": [DEVICE]})
    assert (settings.port, settings.timeout_s, settings.devices[0].interval_s) == (502, 1.0, 10.0)


TLS = {"certificate_file": "client.pem"}
SERIAL = {"port": "/dev/ttyUSB0"}


@pytest.mark.parametrize(
    ("where", "protocol", "address"),
    [
        ({"host": "10.0.0.5"}, "Modbus TCP", "10.0.0.5:502"),
        ({"host": "10.0.0.5", "port": 1502}, "Modbus TCP", "10.0.0.5:1502"),
        ({"host": "meter", "tls": TLS}, "Modbus/TCP Security", "meter:802"),
        ({"host": "meter", "port": 8802, "tls": TLS}, "Modbus/TCP Security", "meter:8802"),
        ({"host": "moxa", "port": 4001, "rtu_over_tcp": True}, "Modbus RTU over TCP", "moxa:4001"),
        ({"serial": SERIAL}, "Modbus RTU", "/dev/ttyUSB0"),
    ],
)
def test_ways_to_a_bus(where: dict[str, Any], protocol: str, address: str) -> None:
    settings = ModbusSettings.model_validate({"id": "school", "devices": [DEVICE], **where})
    assert (settings.protocol, settings.address) == (protocol, address)


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({}, "host\n  Field required"),
        ({"host": "h", "serial": SERIAL}, "connection 'school': host is for a network address, not for serial"),
        ({"serial": SERIAL, "port": 502}, "connection 'school': port is for a network address, not for serial"),
        ({"host": "h", "tls": TLS, "rtu_over_tcp": True}, "Modbus/TCP Security has no RTU frames"),
        ({"serial": SERIAL, "devices": [DEVICE | {"unit": 0}]}, "device 'meter': unit 0 is none of a serial bus"),
        ({"serial": SERIAL | {"parity": "E"}}, "Input should be 'none', 'even' or 'odd'"),
    ],
)
def test_ways_that_lead_nowhere(where: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ModbusSettings.model_validate({"id": "school", "devices": [DEVICE], **where})
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"template": "eastron/sdm360"}, "no device template 'eastron/sdm360'; did you mean eastron/sdm630"),
        ({"template": "../../etc/passwd"}, "no device template '../../etc/passwd'; known: abb/b21"),
        ({"unit": 256}, "less than or equal to 255"),
        ({"units": 1}, "Extra inputs are not permitted"),
        ({"id": "a b"}, "String should match pattern"),
        ({"channel": 2}, "device 'meter': eastron/sdm630 has no channel 2"),
        ({"template": "saia/h104", "channel": 5}, "device 'meter': saia/h104 has no channel 5: there are 1 to 4"),
        ({"pulses": PULSES}, "device 'meter': eastron/sdm630 counts no pulses"),
    ],
)
def test_mistakes(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ModbusSettings.model_validate({"id": "school", "host": "10.0.0.5", "devices": [DEVICE | change]})
    assert message in str(caught.value)
