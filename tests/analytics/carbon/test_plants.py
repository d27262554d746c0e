"""Combined heat and power as the settings describe it."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from analytics.carbon.certificate import Certificate, shares
from analytics.carbon.plant_settings import PlantSettings
from analytics.carbon.view import View
from metering.estate import Carrier

TOLD: dict[str, Any] = {
    "id": "bhkw",
    "fuel_kwh": 100,
    "electricity_kwh": 35,
    "heat_kwh": 50,
    "source": "data sheet",
    "electricity": ["power"],
}
FINNISH = {"method": "finnish", "reference_electric": "0.53", "reference_thermal": "0.92"}


@pytest.mark.parametrize(
    ("own", "view", "heat"),
    [
        ({"supply_k": 373}, "BISKO-2024", "126.63059"),  # worked case D12
        (FINNISH, "GHGP-LB", "181.373765"),  # worked case D13
        ({"method": "iea"}, "BISKO-2024", "290.588235"),  # 24.7 t · 50/85
        ({"method": "displacement"}, "GEG", "0"),  # 24 t less 35 · 860 g is below zero, and counts as zero
    ],
)
def test_factors_share_what_the_fuel_emits(own: dict[str, Any], view: str, heat: str) -> None:
    plant = PlantSettings.model_validate({**TOLD, **own}).plant()
    day, loaded = date(2024, 7, 1), View.load(view)
    of_heat, of_power = (plant.factor(output, day, loaded) for output in (Carrier.HEAT, Carrier.ELECTRICITY))
    assert of_heat.g_per_kwh == pytest.approx(Decimal(heat), abs=Decimal("0.0005"))
    (scope, *_) = loaded.scopes_of("gas")
    fuel = loaded.scopes[scope].factor("gas", day)
    emitted = plant._fuel_in(fuel) * fuel.g_per_kwh
    assert of_heat.g_per_kwh * 50 + of_power.g_per_kwh * 35 == pytest.approx(emitted, abs=Decimal("0.001"))
    assert of_heat.document == f"bhkw: {fuel.edition}, gas ({plant.method})"


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({"heat_kwh": 90}, "more energy than its fuel has"),
        ({}, "exergetic needs supply_k"),
        ({"supply_k": 250}, "over return_k"),
        ({"method": "finnish"}, "needs reference_electric and reference_thermal"),
        ({"supply_k": 373, "electricity": []}, "names no meter"),
    ],
)
def test_what_no_plant_can_be_is_refused(own: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        PlantSettings.model_validate({**TOLD, **own})


def test_certificates_cover_no_more_than_there_is() -> None:
    first, second = (
        Certificate(name, 2024, Decimal(kwh), Decimal(0), "register") for name, kwh in (("a", 30), ("b", 90))
    )
    other = Certificate("c", 2023, Decimal(100), Decimal(0), "register")
    assert shares([other, first, second], 2024, Decimal(100)) == {first: Decimal("0.3"), second: Decimal("0.7")}
    assert shares([first], 2024, Decimal(0)) == {}
