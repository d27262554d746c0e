"""Other spellings of a unit are the same unit."""

import pytest

from metering.quantities import QUANTITIES, Kind
from metering.units import canonical_unit, to_canonical


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (21.5, "Cel", 21.5),  # UCUM, SenML
        (70.7, "[degF]", 21.5),
        (2.5, "m^3", 2.5),
        (250.0, "lux", 250.0),
        (55.0, "%RH", 55.0),
        (3.0, "kW.h", 3.0),
        (1.5, "m3/s", 5400.0),
        (7.2e6, "J", 2.0),
        (12.0, "l/min", 0.72),
        (801.0, "W/m2", 801.0),
    ],
)
def test_spellings(value: float, unit: str, expected: float) -> None:
    assert to_canonical(value, unit) == expected


@pytest.mark.parametrize("unit", ["mw", "MwH", "kwH/d", "m", "c", "f", "w/m", "Pt", "", "m3m"])
def test_what_could_be_another_unit_is_unknown(unit: str) -> None:
    with pytest.raises(LookupError):
        canonical_unit(unit)


def test_canonical_units_stay_themselves() -> None:
    units = {entry.unit for entry in QUANTITIES.values() if entry.kind is not Kind.INTERVAL}
    assert {canonical_unit(unit) for unit in units} == units
