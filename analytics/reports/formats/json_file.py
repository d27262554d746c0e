"""JSON for other programs: the lines, and every factor that was used with its source."""

import msgspec

from analytics.carbon.factor import Factor
from analytics.reports.formats.lines import lines
from analytics.reports.report import Report
from metering.texts import Language


def write(report: Report, language: Language) -> bytes:
    """UTF-8, indented; keys are English always, texts in the given language. Numbers keep their printed digits."""
    content = {
        "start": report.start,
        "end": report.end,
        "timezone": report.timezone,
        "factor_set": report.factor_set.name,
        "factor_set_title": report.factor_set.title[language],
        "rows": lines(report, language),
        "factors": [_factor(factor) for factor in report.factors],
    }
    encoded = msgspec.json.Encoder(decimal_format="number").encode(content)
    return msgspec.json.format(encoded, indent=2) + b"\n"


def _factor(factor: Factor) -> dict[str, object]:
    return {
        "id": factor.id,
        "g_per_kwh": factor.g_per_kwh,
        "gases": factor.gases.value,
        "boundary": factor.boundary.value,
        "heat_basis": factor.heat_basis.value,
        "hi_per_hs": factor.hi_per_hs,
        "valid_from": factor.start,
        "valid_until": factor.end,
        "status": factor.status.value,
        "publisher": factor.publisher,
        "document": factor.document,
        "page": factor.page,
        "url": factor.url,
    }
