"""Which device type a unit looks like, from what came of reading it as if it were of that type. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from collectors.modbus.template import Template
from metering.quantities import QUANTITIES, Kind

_TINY = 1e-9  # an integer read as a float becomes a number like 3e-41, which no meter shows
_MOST_ODD = 1 / 4
_TYPE_NAME = re.compile(r"[a-z]+\d[a-z0-9]*")
_LEAST_NAME = 3


@dataclass(frozen=True)
class Impression:
    """What a unit looks like, read as one type.

    template  the type, of the right channel
    values    quantity → value in its canonical unit; what gave none is left out
    refused   quantities whose registers the unit does not have
    named     what the unit says of itself that names the type; "" if nothing does
    channel   which counter or string
    """

    template: Template
    values: Mapping[str, float]
    refused: tuple[str, ...] = ()
    named: str = ""
    channel: int = 1

    @cached_property
    def odd(self) -> tuple[str, ...]:
        """Quantities with a value that no device shows."""
        return tuple(name for name, value in self.values.items() if _is_odd(name, value))

    @property
    def is_possible(self) -> bool:
        """Whether the unit may be of this type."""
        few_odd = len(self.odd) <= len(self.values) * _MOST_ODD
        return bool(self.values) and few_odd and self.template.fits(self.values)

    @property
    def is_recognised(self) -> bool:
        """Whether something speaks for this type: not only that its registers can be read."""
        return bool(self.named or self.template.fingerprint or self.template.is_sunspec)

    @property
    def rank(self) -> tuple[int | bool, ...]:
        """The higher, the likelier.

        Who answers function 3 is of no type that is known to answer function 4 only, so that 3 decides between equals.
        """
        telling = sum(value != 0 for value in self.values.values())
        return (
            bool(self.named),
            self.is_recognised,
            -len(self.odd),
            telling - len(self.refused),
            len(self.template.fingerprint),
            self.template.function == 3,
        )

    @property
    def counters(self) -> dict[str, float]:
        """The registers that count and have counted."""
        return {name: value for name, value in self.values.items() if _counts(name) and value > 0}

    def lacking(self) -> str:
        """What speaks against it, in one line; "" if nothing does."""
        asked = len(self.values) + len(self.refused)
        parts = [f"the unit lacks {len(self.refused)} of its {asked} registers"] if self.refused else []
        if self.odd:
            parts.append(f"improbable: {', '.join(f'{name} {_text(name, self.values[name])}' for name in self.odd)}")
        return "; ".join(parts)

    def reason(self) -> str:
        """Why it is taken for this type, in one line."""
        parts = [f"says it is {self.named}"] if self.named else []
        shown = [f"{name} {_text(name, self.values[name])}" for name in self.template.fingerprint]
        if shown:
            parts.append(f"{' and '.join(shown)} where this type keeps {'them' if len(shown) > 1 else 'it'}")
        if not self.is_recognised:
            parts.append("its registers can be read, but nothing in them is typical of it: compare with the display")
        parts += filter(None, [self.lacking()])
        return "; ".join(parts)


def ranked(impressions: Iterable[Impression]) -> list[Impression]:
    """Those that are possible, the likeliest first."""
    possible = sorted((seen for seen in impressions if seen.is_possible), key=lambda seen: seen.template.id)
    return sorted(possible, key=lambda seen: seen.rank, reverse=True)


def same_registers(one: Template, other: Template) -> bool:
    """Whether both read the same from a device, so that it does not matter which is named."""
    return set(one.points) == set(other.points)


def named_in(template: Template, texts: Iterable[str]) -> str:
    """The text that contains the type's name, as the device writes it; "" if none does."""
    names = _names(template)
    for text in texts:
        plain = _plain(text)
        if any(name in plain for name in names):
            return text
    return ""


def _names(template: Template) -> set[str]:
    """Short names of the type, such as sdm630 or pm5 for PM5xxx."""
    words = [template.id.partition("/")[2], *re.split(r"[^A-Za-z0-9]+", template.name)]
    names = {_plain(word).rstrip("x") for word in words}
    return {name for name in names if len(name) >= _LEAST_NAME and _TYPE_NAME.fullmatch(name)}


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def _is_odd(name: str, value: float) -> bool:
    quantity = QUANTITIES[name]
    return not quantity.low <= value <= quantity.high or 0 < abs(value) < _TINY


def _counts(name: str) -> bool:
    return QUANTITIES[name].kind is Kind.REGISTER


def _text(name: str, value: float) -> str:
    unit = QUANTITIES[name].unit
    return f"{value:.6g}" if unit == "1" else f"{value:.6g} {unit}"
