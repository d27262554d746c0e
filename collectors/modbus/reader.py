"""A block's registers, as they came over the wire → values. Compiled once for all devices of a type: the hot path."""

import struct
from operator import itemgetter

from collectors.modbus.codec import CODES, Layout
from collectors.modbus.plan import Block
from collectors.modbus.point import EXPONENT


class Reader:
    """Unpacks all numbers of ``block`` at once."""

    def __init__(self, block: Block) -> None:
        self.block = block
        self._numbers: dict[tuple[int, Layout], int] = {}  # (address, layout) → which of the unpacked numbers it is
        self._points = [
            (
                point.quantity,
                [(self._index(part.address, part.layout), part.meaning) for part in point.parts],
                None if point.exponent is None else self._index(point.exponent, EXPONENT),
                point.worth(),
            )
            for point in block.points
        ]
        bytes_of = [2 * (address - block.start) + place for address, layout in self._numbers for place in layout.places]
        self._ordered = itemgetter(*bytes_of)
        self._unpack = struct.Struct(">" + "".join(CODES[layout.type] for _, layout in self._numbers)).unpack

    def values(self, registers: bytes) -> dict[str, float]:
        """Quantity → value in its canonical unit, of those that have one; two bytes a register."""
        numbers = self._unpack(bytes(self._ordered(registers)))
        values: dict[str, float] = {}
        for quantity, parts, exponent, worth in self._points:
            raws = [meaning(numbers[index]) for index, meaning in parts]
            value = worth(raws, 0 if exponent is None else numbers[exponent])
            if value is not None:
                values[quantity] = value
        return values

    def _index(self, address: int, layout: Layout) -> int:
        return self._numbers.setdefault((address, layout), len(self._numbers))
