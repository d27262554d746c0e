"""A point: where a device keeps one quantity, compiled from its template. Decoding and encoding are mirror images."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from collectors.modbus.codec import DataType, Layout, Raw, decode, encode, meaning
from collectors.modbus.worth import Worth, worth
from metering.quantities import QUANTITIES, Kind
from metering.units import conversion, to_canonical

Image = Mapping[int, int]
"""Registers of one function code: wire address → word."""

EXPONENT = Layout(DataType.I16)


@dataclass(frozen=True, slots=True)
class Part:
    """One register (pair): ``scale`` turns its raw number into the unit of the point."""

    address: int
    layout: Layout
    scale: Fraction
    sentinels: tuple[int, ...]

    @property
    def stop(self) -> int:
        """The address after the last word."""
        return self.address + self.layout.words

    @property
    def meaning(self) -> Callable[[Raw | None], Raw | None]:
        """Unpacked number → raw number, or None for "no value"."""
        return meaning(self.layout.type, self.sentinels)

    def raw(self, image: Image) -> Raw | None:
        return decode([image[address] for address in range(self.address, self.stop)], self.layout, self.sentinels)


@dataclass(frozen=True, slots=True)
class Point:
    """One quantity: the sum of its parts, times ten to the power in the ``exponent`` register, plus ``offset``.

    More than one part: whole and decimal digits kept apart, tariffs to be added, or import less export.
    ``rollover`` is the count of raw numbers of the first part after which a counter begins again at 0, if it does.
    """

    quantity: str
    unit: str
    function: int
    parts: tuple[Part, ...]
    offset: Fraction = Fraction(0)
    exponent: int | None = None
    rollover: int | None = None

    @property
    def start(self) -> int:
        return min(self._starts())

    @property
    def stop(self) -> int:
        """The address after the last word; all from ``start`` on must come from one request, to fit together."""
        ends = [part.stop for part in self.parts]
        return max(ends if self.exponent is None else [*ends, self.exponent + 1])

    @property
    def addresses(self) -> frozenset[int]:
        """The addresses that hold the point, without what lies between them."""
        taken = {address for part in self.parts for address in range(part.address, part.stop)}
        return frozenset(taken if self.exponent is None else {*taken, self.exponent})

    @property
    def wrap(self) -> float | None:
        """The value at which the counter begins again at 0, in the canonical unit; None if it never does.

        A counter with a scale factor at run time has none to be known beforehand.
        """
        if self.rollover is None or self.exponent is not None or len(self.parts) > 1:
            return None
        return to_canonical(float(self.rollover * self.parts[0].scale), self.unit)

    def value(self, image: Image) -> float | None:
        """The value in the canonical unit, or None if the device has none. Raises KeyError for a word not in image."""
        exponent = 0 if self.exponent is None else decode([image[self.exponent]], EXPONENT)
        return self.worth()([part.raw(image) for part in self.parts], exponent)

    @property
    def is_plain(self) -> bool:
        """Whether the raw number is the value, and needs no arithmetic."""
        (part, *others) = self.parts
        is_scaled = part.scale != 1 or self.offset != 0 or self.unit != QUANTITIES[self.quantity].unit
        return part.layout.type.is_float and not others and not is_scaled and self.exponent is None

    def worth(self) -> Worth:
        """What its raw numbers make."""
        is_float = any(part.layout.type.is_float for part in self.parts)
        unit = None if self.unit == QUANTITIES[self.quantity].unit else self.unit
        return worth(tuple(part.scale for part in self.parts), self.offset, unit, is_float=is_float)

    def _starts(self) -> Iterator[int]:
        yield from (part.address for part in self.parts)
        if self.exponent is not None:
            yield self.exponent


def encode_points(points: Iterable[Point], values: Mapping[str, float]) -> dict[int, int]:
    """The registers of a device that shows ``values`` (canonical units); what is missing or NaN is "no value".

    Counters roll over where the point says so. A scale factor is the finest with which all its points fit.
    """
    return encode_shown((point, values.get(point.quantity, math.nan)) for point in points)


def encode_shown(shown: Iterable[tuple[Point, float]]) -> dict[int, int]:
    """As `encode_points`, each point with its own value: channels share quantities and scale factors."""
    pairs = [(point, _shown(point, value)) for point, value in shown]
    shared = {point.exponent for point, _ in pairs if point.exponent is not None}
    exponents = {at: _fitting([pair for pair in pairs if pair[0].exponent == at]) for at in shared}
    image = {at: encode(exponent, EXPONENT)[0] for at, exponent in exponents.items()}
    for point, number in pairs:
        image.update(_encode(point, number, 0 if point.exponent is None else exponents[point.exponent]))
    return image


def _encode(point: Point, shown: Fraction | None, exponent: int) -> Iterator[tuple[int, int]]:
    """Each part takes as much as it can hold, the last one the rest."""
    rest = None if shown is None else (shown - point.offset) / Fraction(10) ** exponent
    for part in point.parts:
        raw: Raw | None = None
        if rest is not None:
            is_last = part is point.parts[-1]
            raw = _fitted(rest / part.scale, part.layout.type, point.rollover, round if is_last else math.trunc)
            rest -= _exact(raw) * part.scale
        words = encode(raw, part.layout, part.sentinels)
        yield from zip(range(part.address, part.stop), words, strict=True)


def _fitted(number: Fraction, kind: DataType, rollover: int | None, to_integer: Callable[[Fraction], int]) -> Raw:
    if kind.is_float:
        return float(number)
    low, high = kind.limits
    integer = to_integer(number)
    return min(max(integer if rollover is None else integer % rollover, low), high)


def _shown(point: Point, value: float) -> Fraction | None:
    """The value in the point's own unit."""
    if not math.isfinite(value):
        return None
    factor, offset = conversion(point.unit, QUANTITIES[point.quantity].unit)
    return (Fraction(value) - Fraction(offset)) / Fraction(factor)


def _fitting(pairs: Sequence[tuple[Point, Fraction | None]]) -> int:
    """The least scale factor of at least -2 with which all points fit; counters stay at 0, since theirs never moves."""
    if any(QUANTITIES[point.quantity].kind is Kind.REGISTER for point, _ in pairs):
        return 0
    exponent = -2
    for point, shown in pairs:
        part = point.parts[0]
        highest = part.layout.type.limits[1] - 1  # the very last may mean "no value"
        while shown is not None and abs(shown / part.scale) > highest * Fraction(10) ** exponent:
            exponent += 1
    return exponent


def _exact(raw: Raw) -> Fraction:
    return Fraction(raw) if isinstance(raw, int) else Fraction(repr(raw))
