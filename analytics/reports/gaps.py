"""Sums over days in which a gap is neither zero nor silent: it is filled in, and kept apart from what was measured."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce
from typing import TypeVar

from analytics.carbon.band import Bands
from analytics.carbon.emissions import Coverage, DayFigure, Problem, Split
from analytics.carbon.factor import Factor

_Item = TypeVar("_Item")

NOTHING = Split(Decimal(0), Decimal(0))
_MEAN = Decimal("1e-12")
"""A mean has no end of digits; cut here, everything made of it is exact again."""


@dataclass(frozen=True, slots=True)
class PeriodSum:
    """Energy and emissions of a period, gaps filled in (as ``substituted``); nothing is rounded.

    amount       in the billing unit; None where nothing can be told, and for sums of different units
    kwh, kg      None where nothing can be told; a sum over several meters or months holds what can
    coverage     of the time
    factors      those used, in the order of their days
    problems     why something is missing in ``kwh`` or ``kg``: then they are no whole
    spread_kg    half the width of the band around ``kg``
    biogenic_kg  CO2 from biomass, beside ``kg``
    """

    kwh: Split | None
    kg: Split | None
    coverage: Coverage
    factors: tuple[Factor, ...] = ()
    problems: tuple[Problem, ...] = ()
    spread_kg: Decimal = Decimal(0)
    biogenic_kg: Decimal = Decimal(0)
    amount: Split | None = None

    def plus(self, other: "PeriodSum") -> "PeriodSum":
        """Both together; what cannot be told of one is missing in the sum, and named there."""
        return PeriodSum(
            _plus(self.kwh, other.kwh),
            _plus(self.kg, other.kg),
            self.coverage.plus(other.coverage),
            _both(self.factors, other.factors),
            _both(self.problems, other.problems),
            self.spread_kg + other.spread_kg,
            self.biogenic_kg + other.biogenic_kg,
            _plus(self.amount, other.amount),
        )


def mean_of(amounts: Iterable[tuple[Split, Coverage]]) -> Decimal | None:
    """The mean amount of the known intervals, in billing units; None if none is known."""
    amount, known = Decimal(0), Decimal(0)
    for split, coverage in amounts:
        amount += split.total
        known += coverage.steps - coverage.unknown
    return (amount / known).quantize(_MEAN) if known else None


def filled(figures: Sequence[DayFigure], bands: Bands | None = None, mean: Decimal | None = None) -> PeriodSum:
    """The sum of one meter's days (or longer stretches under one rate each), at least one.

    Unknown intervals count with ``mean``, or else that of the known ones; each day's share of a gap has the factor of
    that day. If energy or emissions of some days cannot be told, they cannot of the whole.
    """
    bands = bands or Bands()
    coverage = reduce(Coverage.plus, (figure.coverage for figure in figures))
    if mean is None:
        mean = mean_of((figure.amount, figure.coverage) for figure in figures)
    used = (factor for figure in figures for factor in (figure.rate.factor, figure.rate.second))
    factors = tuple(dict.fromkeys(factor for factor in used if factor is not None))
    problems = tuple(dict.fromkeys(figure.rate.problem for figure in figures if figure.rate.problem is not None))
    if mean is None:
        return PeriodSum(None, None, coverage, factors, (*problems, Problem.NO_VALUES))
    amount, kwh, kg, spread, biogenic = NOTHING, NOTHING, NOTHING, Decimal(0), Decimal(0)
    for figure in figures:
        gap = figure.coverage.unknown
        whole = figure.amount.plus(Split(Decimal(0), mean * gap)) if gap else figure.amount
        day_kwh = whole.times(figure.rate.kwh_per_unit or Decimal(0))
        day_kg = day_kwh.times(figure.rate.kg_per_kwh or Decimal(0))
        amount, kwh, kg = amount.plus(whole), kwh.plus(day_kwh), kg.plus(day_kg)
        spread += bands.spread(day_kg, figure.rate.factor)
        biogenic += day_kwh.total * figure.rate.biogenic_kg_per_kwh
    if any(figure.rate.kwh_per_unit is None for figure in figures):
        return PeriodSum(None, None, coverage, factors, problems, amount=amount)
    if any(figure.rate.kg_per_kwh is None for figure in figures):
        return PeriodSum(kwh, None, coverage, factors, problems, amount=amount)
    return PeriodSum(kwh, kg, coverage, factors, problems, spread, biogenic, amount)


def _plus(first: Split | None, second: Split | None) -> Split | None:
    if first is None or second is None:
        return first or second
    return first.plus(second)


def _both(first: tuple[_Item, ...], second: tuple[_Item, ...]) -> tuple[_Item, ...]:
    """Each once, in order; mostly they are the same."""
    return first if first == second else tuple(dict.fromkeys((*first, *second)))
