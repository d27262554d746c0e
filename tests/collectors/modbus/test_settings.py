"""Mistakes in the settings are told before anything is connected."""

from typing import Any

import pytest
from pydantic import ValidationError

from collectors.modbus.settings import ModbusSettings

DEVICE = {"id": "meter", "unit": 1, "template": "eastron/sdm630"}


def test_defaults() -> None:
    settings = ModbusSettings.model_validate({"id": "school", "host": "10.0.0.5", "devices": [DEVICE]})
    assert (settings.port, settings.timeout_s, settings.devices[0].interval_s) == (502, 1.0, 10.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"template": "eastron/sdm360"}, "no device template 'eastron/sdm360'; did you mean eastron/sdm630"),
        ({"template": "../../etc/passwd"}, "no device template '../../etc/passwd'; known: abb/b23"),
        ({"unit": 256}, "less than or equal to 255"),
        ({"units": 1}, "Extra inputs are not permitted"),
        ({"id": "a b"}, "String should match pattern"),
    ],
)
def test_mistakes(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ModbusSettings.model_validate({"id": "school", "host": "10.0.0.5", "devices": [DEVICE | change]})
    assert message in str(caught.value)
