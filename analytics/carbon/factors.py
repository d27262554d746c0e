"""Sets of factors to calculate with: one edition, or a rule set that takes each carrier from a named edition."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Self

import yaml

from analytics.carbon import edition as editions
from analytics.carbon.edition import Shelf
from analytics.carbon.factor import Boundary, Factor, Gases, Key, Variant
from metering.strict import Strict
from metering.texts import Language

DEFAULT = "municipal-2026"


class Choice(Strict):
    """Which factors of an edition a rule set takes for a carrier."""

    edition: str
    carrier: str | None = None
    """The carrier's name in the edition, if it is another one."""
    region: str | None = None
    gases: Gases | None = None
    boundary: Boundary | None = None
    hi_per_hs: str | None = None
    """Edition that says how many kWh(Hi) are in a kWh(Hs) of gas, if the first one does not."""
    less: Boundary | None = None
    """Take off the factors of this boundary: with `direct` only what lies upstream remains."""


class RuleSet(Strict):
    """One entry of rule_sets.yaml."""

    de: str
    en: str
    carriers: dict[str, Choice]


@dataclass(frozen=True)
class FactorSet:
    """Factors by carrier and key, each series without gaps or overlaps, in ascending time.

    Loading is pinned: the same name always gives the same factors; a new publication is a new edition.
    """

    name: str
    series: Mapping[str, Mapping[Key, tuple[Factor, ...]]]
    title: Mapping[Language, str]

    @classmethod
    def load(cls, name: str = DEFAULT, shelf: Shelf | None = None) -> Self:
        """The edition or rule set of that name.

        Raises LookupError for an unknown name, ValueError for an edition or rule set that is not in order.
        """
        shelf = shelf or Shelf()
        if name in _rule_sets():
            rules = _rule_sets()[name]
            return cls.composed(name, {"de": rules.de, "en": rules.en}, rules.carriers, shelf)
        if name not in shelf.paths:
            raise LookupError(f"unknown factor set {name!r}; known: {', '.join(names(shelf))}")
        factors = shelf.edition(name)
        document = f"{factors[0].publisher}: {factors[0].document}"
        return cls(name, _by_carrier(factors), {"de": document, "en": document})

    @classmethod
    def composed(
        cls, name: str, title: Mapping[Language, str], carriers: Mapping[str, Choice | None], shelf: Shelf
    ) -> Self:
        """Each carrier by its choice; None declares a carrier for which there is no factor.

        Raises LookupError for what is not there, ValueError for factors that cannot be combined.
        """
        series: dict[str, Mapping[Key, tuple[Factor, ...]]] = {}
        for carrier, choice in carriers.items():
            series[carrier] = {} if choice is None else _chosen(carrier, choice, shelf)
        return cls(name, series, title)

    @property
    def factors(self) -> list[Factor]:
        """All of them, for lists."""
        return [factor for keys in self.series.values() for factors in keys.values() for factor in factors]

    def factor(
        self,
        carrier: str,
        day: date,
        *,
        region: str | None = None,
        gases: Gases | None = None,
        boundary: Boundary | None = None,
    ) -> Factor:
        """The factor for a carrier on a local day.

        What is left out must not matter: if the set has several series, say which one. After the last published day
        the newest factor stands in, marked `Variant.FALLBACK_LATEST`, unless it ends by law.

        Raises LookupError, naming what is missing, if there is no such factor or more than one; never answers 0 for it.
        """
        wanted = Choice(edition=self.name, region=region, gases=gases, boundary=boundary)
        found = _matching(self, carrier, wanted)
        if len(found) > 1:
            known = "; ".join("/".join(key) for key in found)
            raise LookupError(f"{self.name} has several factors for {carrier}: {known}. Say region, gases and boundary")
        (factors,) = found.values()
        for factor in factors:
            if factor.start <= day < factor.end:
                return factor
        last = factors[-1]
        if day >= last.end and last.lasts:
            return replace(last, variant=Variant.FALLBACK_LATEST)
        raise LookupError(
            f"{self.name} has no factor for {carrier} on {day}: it covers {factors[0].start} to before {last.end}"
        )


def names(shelf: Shelf | None = None) -> list[str]:
    """Everything `FactorSet.load` knows: rule sets first, then editions."""
    return [*_rule_sets(), *(shelf or Shelf()).paths]


def _chosen(carrier: str, choice: Choice, shelf: Shelf) -> Mapping[Key, tuple[Factor, ...]]:
    source = FactorSet.load(choice.edition, shelf)
    found = _matching(source, choice.carrier or carrier, choice)
    for factors in found.values():
        editions.check_basis(carrier, factors[0].heat_basis)
    if choice.hi_per_hs is not None:
        ratio = _hi_per_hs(choice.hi_per_hs, shelf)
        found = {key: tuple(replace(f, hi_per_hs=ratio) for f in factors) for key, factors in found.items()}
    if choice.less is not None:
        found = {key: tuple(_less(f, source, choice.less) for f in factors) for key, factors in found.items()}
    return found


def _less(factor: Factor, source: FactorSet, boundary: Boundary) -> Factor:
    """What of a factor lies outside the boundary, both from one edition: document and page stay true."""
    inner = source.factor(factor.carrier, factor.start, region=factor.region, gases=factor.gases, boundary=boundary)
    return replace(factor, g_per_kwh=factor.g_per_kwh - inner.g_per_kwh, less=boundary)


def _matching(factors: FactorSet, carrier: str, wanted: Choice) -> Mapping[Key, tuple[Factor, ...]]:
    keys = factors.series.get(carrier)
    if keys is None:
        raise LookupError(f"{factors.name} has no factor for {carrier}; it has: {', '.join(factors.series)}")
    limits = (wanted.region, wanted.gases, wanted.boundary)
    found = {
        key: keys[key] for key in keys if all(limit in (None, part) for limit, part in zip(limits, key, strict=True))
    }
    if not found:
        asked = "/".join(limit or "any" for limit in limits)
        known = "; ".join("/".join(key) for key in keys)
        raise LookupError(f"{factors.name} has no factor for {carrier} {asked}; it has: {known}")
    return found


def _by_carrier(factors: Iterable[Factor]) -> Mapping[str, Mapping[Key, tuple[Factor, ...]]]:
    series: dict[str, dict[Key, tuple[Factor, ...]]] = {}
    for factor in sorted(factors, key=lambda factor: factor.start):
        keys = series.setdefault(factor.carrier, {})
        keys[factor.key] = (*keys.get(factor.key, ()), factor)
    return series


def _hi_per_hs(name: str, shelf: Shelf) -> Decimal:
    for factor in shelf.edition(name):
        if factor.carrier == "gas" and factor.hi_per_hs is not None:
            return factor.hi_per_hs
    raise LookupError(f"edition {name} does not say how many kWh(Hi) are in a kWh(Hs) of gas")


@cache
def _rule_sets() -> Mapping[str, RuleSet]:
    entries = yaml.safe_load(Path(__file__).with_name("rule_sets.yaml").read_text("utf-8"))
    return {name: RuleSet.model_validate(entry) for name, entry in entries.items()}
