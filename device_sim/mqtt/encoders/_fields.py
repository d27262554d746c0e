"""Filling payloads: which key holds which quantity, in which unit, with how many digits."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from metering.quantities import quantity
from metering.units import conversion, to_canonical


class Field(NamedTuple):
    """A key of a payload; ``digits`` after the decimal point, as the device prints them."""

    key: str
    quantity: str
    unit: str
    digits: int


def raw(value: float, name: str, unit: str, digits: int) -> float:
    """A canonical value in the device's unit, rounded as the device does; whole numbers are ints."""
    factor, offset = conversion(unit, quantity(name).unit)
    number = round((value - offset) / factor, digits)
    return int(number) if digits == 0 else number


def fill(fields: Iterable[Field], values: Mapping[str, float], said: dict[str, float]) -> dict[str, object]:
    """The object with those keys that there are values for; adds to ``said`` what the numbers mean."""
    filled: dict[str, object] = {}
    for key, name, unit, digits in fields:
        if name in values:
            number = raw(values[name], name, unit, digits)
            filled[key] = number
            said[name] = to_canonical(number, unit)
    return filled


def refuse_others(format_name: str, values: Mapping[str, float], said: Mapping[str, float]) -> None:
    """Raises ValueError if the payload leaves a value out."""
    others = sorted(values.keys() - said.keys())
    if others:
        raise ValueError(f"a device with the format {format_name} can't say {', '.join(others)}")
