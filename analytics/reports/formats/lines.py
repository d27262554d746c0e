"""The values of a report's rows, rounded once, for every format alike."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from analytics.carbon.emissions import Split
from analytics.carbon.factor import Factor, HeatBasis, Variant
from analytics.reports.gaps import PeriodSum
from analytics.reports.paper.numbers import percent, rounded
from analytics.reports.report import Report, Row
from metering.estate import Carrier
from metering.texts import Language, Texts

_GRAM = 3  # digits of kWh and kg: Wh and g


@dataclass(frozen=True, slots=True)
class Line:
    """One row as people read it; numbers are rounded half up, and None where nothing can be told.

    kWh and kg have three digits. Totals are rounded from the raw total, so they may differ from the sum of their
    rounded parts in the last digit. Shares are percent with one digit; a completeness below 100 never reads 100.
    """

    building_id: str
    building: str
    carrier: str
    scope: str
    entry: str
    month: str
    kwh_measured: Decimal | None
    kwh_substituted: Decimal | None
    kwh: Decimal | None
    basis: str
    completeness: Decimal
    substituted_share: Decimal | None
    kg_measured: Decimal | None
    kg_substituted: Decimal | None
    kg: Decimal | None
    gases: str
    factor: str
    factor_value: str
    factor_status: str
    meters: str
    remark: str


def lines(report: Report, language: Language) -> list[Line]:
    texts, names = Texts("analytics.reports", language), Texts("analytics.reports.formats", language)
    return [_line(row, report, texts, names) for row in report.rows if row.carrier is not Carrier.WATER]


def _line(row: Row, report: Report, texts: Texts, names: Texts) -> Line:
    kwh, kg, factors = row.sum.kwh, row.sum.kg, row.sum.factors
    kwh_measured, kwh_substituted, kwh_total = _amounts(kwh)
    kg_measured, kg_substituted, kg_total = _amounts(kg)
    return Line(
        building_id=row.building.id,
        building=row.building.name,
        carrier=texts(row.carrier.value),
        scope=names(f"scope_{row.scope}"),
        entry=names(f"entry_{row.entry}"),
        month=f"{row.month:%Y-%m}",
        kwh_measured=kwh_measured,
        kwh_substituted=kwh_substituted,
        kwh=kwh_total,
        basis="kWh(Hs)" if row.carrier is Carrier.GAS else "kWh",
        completeness=percent(row.sum.coverage.completeness),
        substituted_share=percent(kwh.substituted / kwh.total) if kwh is not None and kwh.total else None,
        kg_measured=kg_measured,
        kg_substituted=kg_substituted,
        kg=kg_total,
        gases=_joined(factor.gases.value for factor in factors),
        factor=_joined(factor.id for factor in factors),
        factor_value=_joined(_value(factor, texts.language) for factor in factors),
        factor_status=_joined(_status(factor, texts) for factor in factors),
        meters=" ".join(row.meters),
        remark=_remark(row.sum, report, texts),
    )


def _amounts(split: Split | None) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
    if split is None:
        return None, None, None
    return rounded(split.measured, _GRAM), rounded(split.substituted, _GRAM), rounded(split.total, _GRAM)


def _joined(values: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(values))


def _value(factor: Factor, language: Language) -> str:
    """The factor as it is published, with its heat basis."""
    value = f"{factor.g_per_kwh:f}".replace(".", "," if language == "de" else ".")
    return value if factor.heat_basis is HeatBasis.NONE else f"{value} ({factor.heat_basis})"


def _status(factor: Factor, texts: Texts) -> str:
    status = texts(factor.status.value)
    return status if factor.variant is Variant.EXACT else texts(factor.variant.value, status=status)


def _remark(total: PeriodSum, report: Report, texts: Texts) -> str:
    remarks = [texts(problem.value, factors=report.factor_set.name) for problem in total.problems]
    if total.coverage.unknown and total.kwh is not None:
        remarks.append(texts("gap_filled"))
    return "; ".join(remarks)
