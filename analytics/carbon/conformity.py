"""Whether a balance may be called BISKO, and its data quality.

Rules: BISKO method paper as quoted in the certification notes of Kausal Paths (docs/trailhead/bisko-requirements.md).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

BISKO_VIEWS = ("BISKO-2024",)
GRID_BOUND = ("electricity", "gas", "heat")


class Grade(StrEnum):
    """Data quality (Datengüte) of an amount of energy."""

    A = "A"  # regional primary data
    B = "B"  # primary data, extrapolated
    C = "C"  # regional statistics
    D = "D"  # national figures

    @property
    def weight(self) -> Decimal:
        return {"A": Decimal(1), "B": Decimal("0.5"), "C": Decimal("0.25"), "D": Decimal(0)}[self.value]


class Verdict(StrEnum):
    """Three states: what is not known never counts as conformant."""

    CONFORMANT = "conformant"
    NOT_CONFORMANT = "not_conformant"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True)
class Conformity:
    """The verdict with its reasons (keys of the report texts), and the data quality.

    index  0..1, Σ(E·weight)/Σ(E) over all final energy; None without energy
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    index: Decimal | None


def quality_index(amounts: Iterable[tuple[Decimal, Grade]]) -> Decimal | None:
    """Σ(E·weight)/Σ(E) over pairs of final energy (kWh) and grade; None if there is none."""
    pairs = list(amounts)
    total = sum((kwh for kwh, _ in pairs), Decimal(0))
    return sum((kwh * grade.weight for kwh, grade in pairs), Decimal(0)) / total if total else None


def assess(  # noqa: PLR0913 - each rule of the standard is one argument
    *,
    view: str,
    own_factors: Iterable[str],
    weather_corrected: bool,
    whole_municipality: bool,
    carriers: Iterable[str],
    missing: Iterable[str],
    amounts: Iterable[tuple[Decimal, Grade]],
) -> Conformity:
    """The conformity check.

    own_factors         carriers whose factor the settings chose; a heat network's own is the one exception
    whole_municipality  whether all grid-bound consumption of the municipality is in the balance, not only own meters
    carriers            those with data; an explicit zero is data, silence is not
    missing             problems of figures (keys): anything that could not be told
    """
    reasons_against = []
    if view not in BISKO_VIEWS:
        reasons_against.append("bisko_other_factors")
    if set(own_factors) - {"heat"}:
        reasons_against.append("bisko_own_factors")
    if weather_corrected:
        reasons_against.append("bisko_weather_corrected")
    absent = [carrier for carrier in GRID_BOUND if carrier not in set(carriers)]
    open_ends = [f"bisko_missing_{carrier}" for carrier in absent]
    open_ends += [f"bisko_problem_{problem}" for problem in dict.fromkeys(missing)]
    if not whole_municipality:
        open_ends.append("bisko_not_whole_municipality")
    verdict = Verdict.INCOMPLETE if open_ends else Verdict.CONFORMANT
    if reasons_against:
        verdict = Verdict.NOT_CONFORMANT
    return Conformity(verdict, (*reasons_against, *open_ends), quality_index(amounts))
