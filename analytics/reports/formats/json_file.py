"""JSON for other programs: the lines, what is told by the hour, and every factor that was used with its source."""

import msgspec

from analytics.carbon.factor import Factor
from analytics.reports.formats.lines import lines
from analytics.reports.hourly import Hourly
from analytics.reports.matching import Matching
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
        "hourly": [_hourly(one) for one in report.hourly],
        "matching": [_matching(one) for one in report.matching],
        "factors": [_factor(factor) for factor in report.factors],
    }
    encoded = msgspec.json.Encoder(decimal_format="number").encode(content)
    return msgspec.json.format(encoded, indent=2) + b"\n"


def _hourly(one: Hourly) -> dict[str, object]:
    """Energies and masses in binary floating point: a decision aid beside the figures."""
    of = one.matched
    return {
        "year": one.year,
        "kwh": of.kwh,
        "share_known": of.share,
        "annual_factor": one.factor.id,
        "annual_kg": of.annual_kg,
        "anchored_kg": of.anchored_kg,
        "anchored_g_per_kwh": of.anchored_g_per_kwh,
        "computed_kg": of.computed_kg,
        "computed_g_per_kwh": of.computed_g_per_kwh,
        "source": one.source,
        "attribution": one.attribution,
        "licence": one.licence,
    }


def _matching(one: Matching) -> dict[str, object]:
    return {
        "building_id": one.building.id,
        "load_kwh": one.match.load,
        "generated_kwh": one.match.generated,
        "covered_kwh": one.match.covered,
        "score": one.match.score,
        "balance": one.match.balance,
        "hours": one.match.hours,
        "hours_known": one.match.known,
    }


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
