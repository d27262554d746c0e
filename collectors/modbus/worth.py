"""What the raw numbers of a point make: scaled, added, in the canonical unit. Compiled once, exact on decimals."""

import math
from collections.abc import Callable, Sequence
from decimal import Context, Decimal
from fractions import Fraction
from functools import cache
from operator import mul

from collectors.modbus.codec import Raw
from metering.units import to_canonical

Worth = Callable[[Sequence[Raw | None], Raw | None], float | None]
"""(raw number of each part, scale factor) → value; None where one of them is missing."""

_Sum = Callable[[Sequence[Raw], int], float | None]

_EXPONENTS = frozenset(range(-10, 11))  # SunSpec's sunssf; 0x8000 means that the points it scales are not implemented
_EXACT = Context(prec=1000)  # digits enough for any sum of float64


@cache
def worth(scales: tuple[Fraction, ...], offset: Fraction, unit: str | None, *, is_float: bool) -> Worth:
    """(Σ raw × scale + offset) × 10 ^ exponent, rounded once, then converted from ``unit`` (None: canonical already).

    Floats count as the decimals that they print as; ``is_float`` says whether there can be any. Scales and offset are
    finite decimals.
    """
    total = _sum_of_decimals(scales, offset) if is_float else _sum_of_integers(scales, offset)

    def compute(raws: Sequence[Raw | None], exponent: Raw | None) -> float | None:
        if None in raws or exponent not in _EXPONENTS:
            return None
        value = total(raws, exponent)  # type: ignore[arg-type]
        if unit is None or value is None:
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
    is_sum = offset == 0 and all(scale == 1 for scale in scales)
    start, *weights = (_EXACT.divide(number.numerator, number.denominator) for number in (offset, *scales))

    def total(raws: Sequence[Raw], exponent: int) -> float | None:
        if is_sum and exponent == 0 and raws.count(0) >= len(raws) - 1:
            return float(sum(raws))  # of one number, such as a meter's only tariff in use
        number = start
        for weight, raw in zip(weights, raws, strict=True):
            number = _EXACT.fma(Decimal(repr(raw)), weight, number)
        scaled = float(_EXACT.scaleb(number, exponent) if exponent else number)
        return scaled if math.isfinite(scaled) else None

    return total
