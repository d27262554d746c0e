"""Formats with a topic for each value: a message can say one quantity only."""

from collections.abc import Mapping

from collectors.mqtt.meaning import Meaning
from device_sim.mqtt.encoders._fields import raw
from metering.units import to_canonical

_DIGITS = 6


def only(format_name: str, values: Mapping[str, float]) -> tuple[str, float]:
    """The one quantity and its value. Raises ValueError for any other number of them."""
    if len(values) != 1:
        raise ValueError(f"a message with the format {format_name} can't say {', '.join(sorted(values))} at once")
    return next(iter(values.items()))


def printed(value: float, meaning: Meaning) -> tuple[str, float]:
    """The number as the device prints it, and what that means in canonical units."""
    text = f"{raw(value, meaning.quantity, meaning.unit, 12) / meaning.factor:.{_DIGITS}f}"
    return text, to_canonical(float(text) * meaning.factor, meaning.unit)
