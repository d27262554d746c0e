"""Other spellings of a unit are the same unit; conversion keeps the digits."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.quantities import QUANTITIES, Kind
from metering.units import _TO_CANONICAL, canonical_unit, to_canonical


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


@given(st.floats(allow_nan=False, allow_infinity=False, width=64), st.sampled_from(sorted(_TO_CANONICAL)))
def test_conversion_is_exact_in_the_digits_of_the_device(value: float, unit: str) -> None:
    _, factor, offset = _TO_CANONICAL[unit]
    try:
        expected = float(Fraction(repr(value)) * factor + offset)
    except OverflowError:
        with pytest.raises(OverflowError):
            to_canonical(value, unit)
    else:
        assert to_canonical(value, unit) == expected


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("unit", ["kW", "W", "F"])
def test_what_is_no_number_is_refused(value: float, unit: str) -> None:
    with pytest.raises(ValueError, match=r"(?i)invalid|could not convert"):
        to_canonical(value, unit)
