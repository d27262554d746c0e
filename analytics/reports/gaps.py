"""Sums over days in which a gap is neither zero nor silent: it is filled in, and kept apart from what was measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce

from analytics.carbon.emissions import Coverage, DayFigure, Problem, Split
from analytics.carbon.factor import Factor

_NOTHING = Split(Decimal(0), Decimal(0))


@dataclass(frozen=True, slots=True)
class PeriodSum:
    """Energy and emissions of a period, gaps filled in (as ``substituted``); nothing is rounded.

    kwh, kg    None where they cannot be told; then ``problems`` or a ``coverage`` without any known step say why
    factors    those used, in the order of their days
    """

    kwh: Split | None
    kg: Split | None
    coverage: Coverage
    factors: tuple[Factor, ...]
    problems: tuple[Problem, ...]

    def plus(self, other: "PeriodSum") -> "PeriodSum":
        """Both together: what cannot be told of one cannot be told of the sum."""
        return PeriodSum(
            _plus(self.kwh, other.kwh),
            _plus(self.kg, other.kg),
            self.coverage.plus(other.coverage),
            tuple(dict.fromkeys((*self.factors, *other.factors))),
            tuple(dict.fromkeys((*self.problems, *other.problems))),
        )


def filled(figures: Sequence[DayFigure]) -> PeriodSum:
    """The sum of one meter's days, at least one; unknown intervals count with the mean of the known ones.

    Each day's share of a gap is weighted with that day's factor.
    """
    coverage = reduce(Coverage.plus, (figure.coverage for figure in figures))
    known_steps = coverage.steps - coverage.unknown
    factors = tuple(dict.fromkeys(figure.rate.factor for figure in figures if figure.rate.factor is not None))
    problems = tuple(dict.fromkeys(figure.rate.problem for figure in figures if figure.rate.problem is not None))
    known = [figure.kwh for figure in figures if figure.kwh is not None]
    if len(known) < len(figures) or not known_steps:
        return PeriodSum(None, None, coverage, factors, problems)
    mean = reduce(Split.plus, known).total / known_steps
    kwh, kg = _NOTHING, _NOTHING
    for figure, day_kwh in zip(figures, known, strict=True):
        whole = day_kwh.plus(Split(Decimal(0), mean * figure.coverage.unknown))
        kwh = kwh.plus(whole)
        kg = kg.plus(whole.times(figure.rate.kg_per_kwh or Decimal(0)))
    has_kg = all(figure.rate.kg_per_kwh is not None for figure in figures)
    return PeriodSum(kwh, kg if has_kg else None, coverage, factors, problems)


def _plus(first: Split | None, second: Split | None) -> Split | None:
    return None if first is None or second is None else first.plus(second)
