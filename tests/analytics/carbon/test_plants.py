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


def test_methods_stand_side_by_side_as_far_as_their_data_go() -> None:
    """24.7 t of fuel; losses of a fifth make a kWh at the customers' meters a quarter dearer."""
    day, view = date(2024, 7, 1), View.load("BISKO-2024")
    plant = PlantSettings.model_validate(
        {**TOLD, **FINNISH, "method": "iea", "supply_k": 373, "losses_kwh": 10}
    ).plant()
    found = {one.method.value: one for one in plant.compared(day, view)}
    shares = {name: float(one.heat_share or 0) for name, one in found.items()}
    assert shares == pytest.approx(
        {"exergetic": 0.256337, "finnish": 0.451448, "iea": 50 / 85, "displacement": 0}, abs=1e-6
    )
    assert float(found["exergetic"].heat) == pytest.approx(126.63059 * 50 / 40, abs=0.001)
    assert float(found["iea"].electricity) == pytest.approx(290.588235, abs=0.001)
    assert plant.factor(Carrier.HEAT, day, view).g_per_kwh == found["iea"].heat
    assert float(plant.saving or 0) == pytest.approx(1 - 1 / (0.5 / 0.92 + 0.35 / 0.53))
    bare = PlantSettings.model_validate({**TOLD, "method": "iea"}).plant()
    assert bare.saving is None
    assert [one.method.value for one in bare.compared(day, view)] == ["iea", "displacement"]
    after = View.load("UBA-16-2026")  # the credit ends with the law
    assert [one.method.value for one in bare.compared(date(2027, 1, 1), after)] == ["iea"]


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({"heat_kwh": 90}, "more energy than its fuel has"),
        ({"supply_k": 373, "losses_kwh": 50}, "no more heat than its network loses"),
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
