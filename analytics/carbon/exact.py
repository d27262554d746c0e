"""Decimal arithmetic in which products and sums of metered values never round."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Context, localcontext

_DIGITS = 60
"""Millionths of a kWh, times Zustandszahl, Brennwert, Hi/Hs and a factor of up to ten digits, summed over a city."""


@contextmanager
def exact() -> Iterator[None]:
    """Inside, sums do not depend on the order or the grouping of their parts."""
    with localcontext(Context(prec=_DIGITS)):
        yield
