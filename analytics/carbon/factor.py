"""One published emission factor: a key, a value, and where it is printed."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple


class Gases(StrEnum):
    CO2 = "CO2"
    CO2E = "CO2e"  # CO2, CH4 and N2O in CO2 equivalents


class Boundary(StrEnum):
    """Which emissions count."""

    DIRECT = "direct"  # what leaves the chimney
    UPSTREAM = "upstream"  # that, and what mining, refining, transport and building the plant cause


class HeatBasis(StrEnum):
    """Which kWh the factor is per: of gross (Hs) or net calorific value (Hi), or of energy that is not burnt."""

    HS = "Hs"
    HI = "Hi"
    NONE = "none"


class Status(StrEnum):
    FINAL = "final"
    PRELIMINARY = "preliminary"
    ESTIMATED = "estimated"


class Variant(StrEnum):
    """How the factor came to the day it was asked for."""

    EXACT = "exact"
    FALLBACK_LATEST = "fallback_latest"  # nothing is published for the day yet: the newest value stands in


class Evidence(StrEnum):
    """Where the value was read before it came into the edition."""

    PRIMARY = "primary"  # in the publisher's own document
    QUOTED = "quoted"  # in another source that quotes it
    UNVERIFIED = "unverified"  # in one doubtful source only: never used unless the settings ask for it


class Key(NamedTuple):
    """What separates two factors of one edition and carrier."""

    region: str
    gases: Gases
    boundary: Boundary


@dataclass(frozen=True, slots=True)
class Factor:
    """A factor, valid on the local days ``[start, end)``.

    g_per_kwh   grams per kWh of the ``heat_basis``
    hi_per_hs   kWh(Hi) in a kWh(Hs), where the publisher says so (fuels only)
    lasts       whether it may stand in for days after ``end`` until the publisher's next edition
    evidence    where the value was read
    page        page, table or annex of ``document``
    less        the boundary whose factor was taken off, if one was: what remains lies outside it
    """

    edition: str
    carrier: str
    region: str
    start: date
    end: date
    g_per_kwh: Decimal
    gases: Gases
    boundary: Boundary
    heat_basis: HeatBasis
    hi_per_hs: Decimal | None
    status: Status
    evidence: Evidence
    lasts: bool
    publisher: str
    document: str
    page: str
    url: str
    variant: Variant = Variant.EXACT
    less: Boundary | None = None

    @property
    def kg_per_kwh(self) -> Decimal:
        return self.g_per_kwh.scaleb(-3)

    @property
    def key(self) -> Key:
        return Key(self.region, self.gases, self.boundary)

    @property
    def id(self) -> str:
        """Names the value for ever: ``uba-16-2026/electricity/DE/2025-01-01/CO2e/upstream``."""
        period = self.start.isoformat()
        boundary = f"{self.boundary}-less-{self.less}" if self.less else self.boundary
        return f"{self.edition}/{self.carrier}/{self.region}/{period}/{self.gases}/{boundary}"
