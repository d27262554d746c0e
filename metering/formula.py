"""Formulas of virtual meters: sums and differences of other meters' consumption."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from graphlib import CycleError, TopologicalSorter

_TERM = re.compile(r"(?:(\d+(?:\.\d+)?)\s+\*\s+)?([A-Za-z0-9][A-Za-z0-9._-]*)")


@dataclass(frozen=True, slots=True)
class Formula:
    """A weighted sum: pairs of a meter's id and its factor, each meter once.

    >>> str(Formula.parse("main - kitchen - 0.5 * lift"))
    'main - kitchen - 0.5 * lift'
    """

    terms: tuple[tuple[str, Fraction], ...]

    @classmethod
    def parse(cls, text: str) -> "Formula":
        """Read ``main - kitchen - 0.5 * lift``; signs stand between spaces, since ids may have hyphens.

        Raises ValueError for anything else, and for a meter that stands twice.
        """
        signs = re.findall(r"(?:^|\s)([+-])\s", f" {text}")
        parts = re.split(r"(?:^|\s)[+-]\s", f" {text}")
        first = parts.pop(0).strip()
        signed = [*([("+", first)] if first else []), *zip(signs, parts, strict=True)]
        terms: dict[str, Fraction] = {}
        for sign, part in signed:
            match = _TERM.fullmatch(part.strip())
            if match is None:
                raise ValueError(
                    f"{part.strip()!r} in the formula {text!r} is no meter; "
                    "write meters with + and - between spaces, such as main - kitchen - 0.5 * lift"
                )
            factor, meter = match.groups()
            if meter in terms:
                raise ValueError(f"meter {meter!r} stands twice in the formula {text!r}")
            terms[meter] = Fraction(factor or 1) * (1 if sign == "+" else -1)
        if not terms:
            raise ValueError("the formula is empty; write meters with + and - between spaces, such as main - kitchen")
        return cls(tuple(terms.items()))

    @property
    def meters(self) -> tuple[str, ...]:
        """The ids of the meters in it."""
        return tuple(meter for meter, _ in self.terms)

    def __str__(self) -> str:
        text = ""
        for meter, factor in self.terms:
            sign = "-" if factor < 0 else "+"
            weight = "" if abs(factor) == 1 else f"{_decimal(abs(factor)):f} * "
            text += f" {sign} {weight}{meter}"
        return text.removeprefix(" + ").removeprefix(" ")


def _decimal(factor: Fraction) -> Decimal:
    return Decimal(factor.numerator) / Decimal(factor.denominator)


class CircularFormulas(ValueError):
    """Virtual meters are computed from each other; ``circle`` begins and ends with the same."""

    def __init__(self, circle: list[str]) -> None:
        super().__init__(f"virtual meters are computed in a circle: {' → '.join(circle)}")
        self.circle = circle


def in_order(formulas: Mapping[str, Sequence[str]]) -> list[set[str]]:
    """Ids in groups, each computed from groups before it alone; ``formulas`` says what each is computed from.

    Raises CircularFormulas where some are computed from each other.
    """
    sorter = TopologicalSorter(formulas)
    try:
        sorter.prepare()
    except CycleError as error:
        raise CircularFormulas(error.args[1][::-1]) from None
    groups = []
    while sorter.is_active():
        ready = sorter.get_ready()
        groups.append(set(ready))
        sorter.done(*ready)
    return groups
