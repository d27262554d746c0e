"""A block's registers, as they came over the wire → values. Compiled once for all devices of a type: the hot path."""

import struct
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import NamedTuple

from collectors.modbus.codec import CODES, DataType, Layout, Raw, itself, shortest
from collectors.modbus.frame import read_question
from collectors.modbus.plan import Block
from collectors.modbus.point import EXPONENT, Point

_Value = Callable[[Sequence[Raw | None]], float | None]
"""All numbers of a block → the value of a point."""


class _Number(NamedTuple):
    address: int
    layout: Layout


class Reader:
    """Unpacks all numbers of ``block``, which ``question`` asks for, at once; those in float32 come first, and are made
    short together.
    """

    def __init__(self, block: Block) -> None:
        self.block = block
        self.question = read_question(block.function, block.start, block.count)
        numbers = sorted(dict.fromkeys(number for point in block.points for number in _numbers(point)), key=_rank)
        places = [2 * (number.address - block.start) + place for number in numbers for place in number.layout.places]
        self._ordered = itemgetter(*places)
        self._unpack = struct.Struct(">" + "".join(CODES[number.layout.type] for number in numbers)).unpack
        self._float32s = sum(number.layout.type is DataType.F32 for number in numbers)
        index = {number: position for position, number in enumerate(numbers)}
        self._points = [
            (point.quantity, _value(point, [index[it] for it in _numbers(point)])) for point in block.points
        ]

    def values(self, registers: bytes) -> dict[str, float]:
        """Quantity → value in its canonical unit, of those that have one; two bytes a register."""
        raws = self._unpack(bytes(self._ordered(registers)))
        numbers: Sequence[Raw | None] = raws
        if self._float32s:
            numbers = [*shortest(raws[: self._float32s]), *raws[self._float32s :]]
        found = {quantity: value(numbers) for quantity, value in self._points}
        if None in found.values():
            return {quantity: value for quantity, value in found.items() if value is not None}
        return found  # type: ignore[return-value]


def _numbers(point: Point) -> list[_Number]:
    """Its parts, then its scale factor if it has one."""
    parts = [_Number(part.address, part.layout) for part in point.parts]
    return parts if point.exponent is None else [*parts, _Number(point.exponent, EXPONENT)]


def _rank(number: _Number) -> tuple[bool, int]:
    return number.layout.type is not DataType.F32, number.address


def _value(point: Point, indices: Sequence[int]) -> _Value:
    first, first_meaning = indices[0], point.parts[0].meaning
    if point.is_plain:
        return itemgetter(first) if first_meaning is itself else lambda numbers: first_meaning(numbers[first])
    worth, meanings = point.worth(), [part.meaning for part in point.parts]
    exponent = None if point.exponent is None else indices[-1]

    def value(numbers: Sequence[Raw | None]) -> float | None:
        raws = [meaning(numbers[index]) for meaning, index in zip(meanings, indices, strict=False)]
        return worth(raws, 0 if exponent is None else numbers[exponent])

    return value
