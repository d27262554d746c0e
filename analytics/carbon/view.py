"""Views: what a report balances, by which scopes and factors. Figures of two views are never added."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Self

import yaml

from analytics.carbon.edition import Shelf
from analytics.carbon.factors import Choice, FactorSet
from metering.strict import Strict
from metering.texts import Language


class Scope(StrEnum):
    """Scopes of the GHG Protocol; TOTAL where a rule set does not tell them apart."""

    TOTAL = "total"
    ONE = "1"  # burnt by the organisation itself
    TWO = "2"  # purchased electricity and heat
    THREE = "3"  # upstream of what is purchased (category 3)


class Kind(StrEnum):
    """What a view is for."""

    TERRITORIAL = "territorial"  # BISKO
    MIXED = "mixed"  # national and BISKO factors side by side: for comparison over years, not BISKO-conform
    ORGANISATION = "organisation"  # GHG Protocol
    PROOF = "proof"  # building law: no balance


class ViewRules(Strict):
    """One entry of views.yaml."""

    de: str
    en: str
    kind: Kind
    scopes: dict[Scope, dict[str, Choice | None]]


@dataclass(frozen=True)
class View:
    """A rule set to report by: for each scope the factors of its carriers.

    chosen  the carriers whose factor the settings chose instead of the view
    """

    name: str
    title: Mapping[Language, str]
    kind: Kind
    scopes: Mapping[Scope, FactorSet]
    chosen: tuple[str, ...] = ()

    @classmethod
    def load(
        cls,
        name: str,
        shelf: Shelf | None = None,
        choices: Mapping[str, Choice] | None = None,
        editions: Mapping[str, str] | None = None,
    ) -> Self:
        """The view of that name.

        choices   a carrier's factor instead of the one the view takes: a network's own, a supplier's product; under
                  ``gas/3`` that of scope 3
        editions  editions to replace by others (old name to new): what a restatement asks for

        Raises LookupError for an unknown name, or an edition that is not there.
        """
        rules = _views().get(name)
        if rules is None:
            raise LookupError(f"unknown view {name!r}; known: {', '.join(_views())}")
        shelf = shelf or Shelf()
        choices = choices or {}
        strangers = set(choices) - {
            _choice_of(scope, carrier) for scope, carriers in rules.scopes.items() for carrier in carriers
        }
        if strangers:
            raise LookupError(f"view {name} balances no {', '.join(sorted(strangers))}")
        used = {own.edition for carriers in rules.scopes.values() for own in carriers.values() if own is not None}
        unused = set(editions or {}) - used - {choice.edition for choice in choices.values()}
        if unused:
            raise LookupError(
                f"view {name} does not use {', '.join(sorted(unused))}; it uses {', '.join(sorted(used))}"
            )
        scopes = {}
        for scope, carriers in rules.scopes.items():
            chosen = {
                carrier: _other_edition(choices.get(_choice_of(scope, carrier), own), editions or {})
                for carrier, own in carriers.items()
            }
            scopes[scope] = FactorSet.composed(name, {"de": rules.de, "en": rules.en}, chosen, shelf)
        return cls(name, {"de": rules.de, "en": rules.en}, rules.kind, MappingProxyType(scopes), tuple(sorted(choices)))

    @classmethod
    def of(cls, factors: FactorSet) -> Self:
        """A set of factors as a view without scopes."""
        return cls(factors.name, factors.title, Kind.MIXED, {Scope.TOTAL: factors})

    def scopes_of(self, carrier: str) -> list[Scope]:
        """The scopes a carrier stands in."""
        return [scope for scope, factors in self.scopes.items() if carrier in factors.series]

    def bounds(self, carriers: Iterable[str]) -> set[date]:
        """The days on which a factor of one of the carriers begins or ends."""
        found = set()
        for factors in self.scopes.values():
            for carrier in carriers:
                for series in factors.series.get(carrier, {}).values():
                    found |= {day for factor in series for day in (factor.start, factor.end)}
        return found


def _choice_of(scope: Scope, carrier: str) -> str:
    """Under what name the settings choose a factor."""
    return f"{carrier}/{scope}" if scope is Scope.THREE else carrier


def names() -> list[str]:
    """The views there are."""
    return list(_views())


def _other_edition(choice: Choice | None, editions: Mapping[str, str]) -> Choice | None:
    if choice is None or choice.edition not in editions:
        return choice
    return choice.model_copy(update={"edition": editions[choice.edition]})


@cache
def _views() -> Mapping[str, ViewRules]:
    entries = yaml.safe_load(Path(__file__).with_name("views.yaml").read_text("utf-8"))
    return {name: ViewRules.model_validate(entry) for name, entry in entries.items()}
