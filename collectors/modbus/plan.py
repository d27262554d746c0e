"""The poll plan: which blocks of registers to ask for. Compiled once, pure, and refined by what a device refuses."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from collectors.modbus.point import Point


@dataclass(frozen=True, slots=True)
class Block:
    """One request: the registers ``start`` … ``stop - 1`` of a function code, and the points in them, by address."""

    function: int
    start: int
    stop: int
    points: tuple[Point, ...]

    @property
    def count(self) -> int:
        return self.stop - self.start

    @property
    def has_holes(self) -> bool:
        """Whether it reads registers that no point needs."""
        return len(frozenset[int]().union(*(point.addresses for point in self.points))) < self.count

    def refused(self) -> tuple["Block", ...]:
        """What to ask for instead when the device refuses this block: without holes, then point by point, then nothing.

        The parts of one point always stay together, holes or not, because they only make sense together.
        """
        if len(self.points) == 1:
            return ()
        if self.has_holes:
            closer = plan(self.points, max_registers=self.count, max_hole=0)
            if len(closer) > 1:
                return closer
        return tuple(Block(point.function, point.start, point.stop, (point,)) for point in self.points)


def plan(points: Iterable[Point], *, max_registers: int, max_hole: int) -> tuple[Block, ...]:
    """The fewest blocks, in order of address, that read every point once and no point in two pieces.

    Points are joined over at most ``max_hole`` unused registers, as long as a block has at most ``max_registers``.
    Raises ValueError for a point that alone is longer than that.
    """
    ordered = sorted(points, key=lambda point: (point.function, point.start, point.stop))
    return tuple(
        block
        for _, group in groupby(ordered, key=lambda point: point.function)
        for block in _blocks(list(group), max_registers, max_hole)
    )


def _blocks(points: Sequence[Point], max_registers: int, max_hole: int) -> Iterator[Block]:
    taken: list[Point] = []
    start = stop = 0
    for point in points:
        if point.stop - point.start > max_registers:
            raise ValueError(
                f"{point.quantity} spans {point.stop - point.start} registers, "
                f"but the device gives {max_registers} at most in one answer"
            )
        fits = point.start - stop <= max_hole and max(stop, point.stop) - start <= max_registers
        if taken and not fits:
            yield Block(points[0].function, start, stop, tuple(taken))
            taken = []
        if not taken:
            start = stop = point.start
        taken.append(point)
        stop = max(stop, point.stop)
    if taken:
        yield Block(points[0].function, start, stop, tuple(taken))
