"""Certificates in the market-based view: each covers a volume of one year, what is left has the residual mix."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_FLOOR, Decimal

from analytics.carbon.factor import Boundary, Evidence, Factor, Gases, HeatBasis, Status

VIEW = "GHGP-MB"
"""The view that certificates count in."""
_SHARE = Decimal("1e-12")
"""A share has no end of digits; cut here, everything made of it is exact again."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """Guarantees of origin of one year of generation.

    kwh        the volume
    g_per_kwh  direct emissions; an explicit 0 is a factor
    source     register and proof of cancellation
    """

    id: str
    year: int
    kwh: Decimal
    g_per_kwh: Decimal
    source: str

    @property
    def factor(self) -> Factor:
        return Factor(
            edition="settings",
            carrier=f"certificate:{self.id}",
            region="EU",
            start=date(self.year, 1, 1),
            end=date(self.year + 1, 1, 1),
            g_per_kwh=self.g_per_kwh,
            gases=Gases.CO2E,
            boundary=Boundary.DIRECT,
            heat_basis=HeatBasis.NONE,
            hi_per_hs=None,
            status=Status.FINAL,
            evidence=Evidence.PRIMARY,
            lasts=False,
            publisher=self.source,
            document=f"{self.kwh:f} kWh, {self.year}",
            page=self.id,
            url="",
        )


def shares(certificates: Iterable[Certificate], year: int, consumption_kwh: Decimal) -> dict[Certificate, Decimal]:
    """How much of each kWh of the year each certificate covers, in their order, together 1 at most.

    Every kWh of the year is covered alike, so any part of it adds up; a surplus is nobody's credit.
    """
    found: dict[Certificate, Decimal] = {}
    left = consumption_kwh
    for certificate in certificates:
        if certificate.year == year and left > 0:
            used = min(left, certificate.kwh)
            share = Decimal(1) - sum(found.values()) if used == left else used / consumption_kwh
            found[certificate] = share.quantize(_SHARE, ROUND_FLOOR)
            left -= used
    return found
