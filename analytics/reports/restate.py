"""What a report would say under other editions of the factors, and why. Pure."""

from dataclasses import dataclass
from decimal import Decimal

from analytics.carbon.exact import exact
from analytics.carbon.factor import Factor
from analytics.carbon.view import Scope
from analytics.reports.report import COUNTED, Report
from metering.estate import Carrier


@dataclass(frozen=True, slots=True)
class Restated:
    """One carrier, scope and year: kg under both editions, and the factors that make the difference.

    An amount is None where a report has no figure: then the other edition has no factor for it.
    """

    carrier: Carrier
    scope: Scope
    year: int
    kwh: Decimal
    before_kg: Decimal | None
    now_kg: Decimal | None
    before: tuple[Factor, ...]
    now: tuple[Factor, ...]

    @property
    def difference_kg(self) -> Decimal | None:
        return None if self.before_kg is None or self.now_kg is None else self.now_kg - self.before_kg


def restate(published: Report, now: Report) -> list[Restated]:
    """Line by line, sorted; both reports are of the same readings, so every difference is the factors'."""
    with exact():
        old, new = _totals(published), _totals(now)
        found = []
        for key in sorted({*old, *new}):
            (kwh, before_kg, before), (now_kwh, now_kg, used) = old.get(key, _EMPTY), new.get(key, _EMPTY)
            found.append(Restated(*key, max(kwh, now_kwh), before_kg, now_kg, before, used))
        return found


_Key = tuple[Carrier, Scope, int]
_Total = tuple[Decimal, Decimal | None, tuple[Factor, ...]]
_EMPTY: _Total = (Decimal(0), None, ())


def _totals(report: Report) -> dict[_Key, _Total]:
    found: dict[_Key, _Total] = {}
    for row in report.rows:
        if row.entry not in COUNTED or row.carrier is Carrier.WATER:
            continue
        key = row.carrier, row.scope, row.month.year
        kwh, kg, factors = found.get(key, _EMPTY)
        kwh += row.sum.kwh.total if row.sum.kwh else 0
        if row.sum.kg is not None:
            kg = (kg or Decimal(0)) + row.sum.kg.total
        found[key] = kwh, kg, tuple(dict.fromkeys((*factors, *row.sum.factors)))
    return found
