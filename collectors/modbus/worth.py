"""What the raw numbers of a point make: scaled, added, in the canonical unit. Compiled once, exact on decimals."""

import math
from collections.abc import Callable, Sequence
from decimal import Context, Decimal
from fractions import Fraction
from functools import cache, reduce
from operator import mul

import msgspec

from collectors.modbus.codec import Raw
from metering.units import power_of_ten, to_canonical

Worth = Callable[[Sequence[Raw | None], Raw | None], float | None]
"""(raw number of each part, scale factor) → value; None where one of them is missing."""

_Sum = Callable[[Sequence[Raw], int], float | None]

_EXPONENTS = frozenset(range(-10, 11))  # SunSpec's sunssf; 0x8000 means that the points it scales are not implemented
_EXACT = Context(prec=1000)  # digits enough for any sum of float64


@cache
def worth(scales: tuple[Fraction, ...], offset: Fraction, unit: str | None, *, is_float: bool) -> Worth:
    """(Σ raw × scale + offset) × 10 ^ exponent, converted from ``unit`` (None: canonical already) and rounded once.

    Twice, before and after, where the units differ by more than a power of ten.
    Floats count as the decimals that they print as; ``is_float`` says whether there can be any. Scales and offset are
    finite decimals.
    """
    power = 0 if unit is None else power_of_ten(unit)
    total = _sum_of_decimals(scales, offset) if is_float else _sum_of_integers(scales, offset)

    def compute(raws: Sequence[Raw | None], exponent: Raw | None) -> float | None:
        if None in raws or exponent not in _EXPONENTS:
            return None
        value = total(raws, exponent + (power or 0))  # type: ignore[arg-type]
        if unit is None or power is not None or value is None:
            return value
        try:
            return to_canonical(value, unit)
        except OverflowError:  # a float64 of garbage may leave the range
            return None

    return compute


def _sum_of_integers(scales: Sequence[Fraction], offset: Fraction) -> _Sum:
    divisor = math.lcm(offset.denominator, *(scale.denominator for scale in scales))
    weights = [int(scale * divisor) for scale in scales]
    shift = int(offset * divisor)

    def total(raws: Sequence[Raw], exponent: int) -> float:
        number = int(sum(map(mul, weights, raws), shift))
        power = int(10 ** abs(exponent))
        return number * power / divisor if exponent > 0 else number / (divisor * power)  # of integers: rounded once

    return total


def _sum_of_decimals(scales: Sequence[Fraction], offset: Fraction) -> _Sum:
    is_mere_sum = offset == 0 and all(scale == 1 for scale in scales)
    start, *weights = (_EXACT.divide(number.numerator, number.denominator) for number in (offset, *scales))

    def total(raws: Sequence[Raw], exponent: int) -> float | None:
        numbers = map(Decimal, msgspec.json.encode(raws)[1:-1].decode().split(","))  # the digits of repr, but faster
        if is_mere_sum:
            number = reduce(_EXACT.add, numbers)
        else:
            number = start
            for weight, raw in zip(weights, numbers, strict=True):
                number = _EXACT.fma(raw, weight, number)
        scaled = float(str(_EXACT.scaleb(number, exponent)))  # so it is faster than the Decimal itself
        return scaled if math.isfinite(scaled) else None

    return total
