"""The REST API of reports, under /api/co2/v1: the same figures as on paper, each with its id."""

import hashlib
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request
from fastapi.responses import Response

from analytics.reports.figure import CITY, Figure, FigureId
from analytics.reports.formats import FORMATS
from analytics.reports.period import Period
from analytics.reports.report import Report
from analytics.reports.trace import Trace
from dashboards.web.house import Seen, house_of
from dashboards.web.reports import Asked, Reports
from metering.instant import isoformat
from metering.samples import Samples
from metering.strict import Strict, StrictQuery
from metering.texts import Language

_MEDIA_TYPES = {
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "html": "text/html; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
}
_MOST = 1000


class ViewOut(Strict):
    name: str
    title: str
    kind: str


class FigureOut(Strict):
    """Numbers are texts with all their digits; null where nothing can be told."""

    id: str
    measure: str
    period: str
    place: str
    carrier: str
    scope: str
    value: str | None
    unit: str
    completeness: str | None
    estimated_share: str | None
    low: str | None
    high: str | None
    factors: list[str]
    problems: list[str]


class FiguresOut(Strict):
    """One page of the figures of a report; ``next_offset`` is null on the last."""

    view: str
    manifest: str | None
    total: int
    next_offset: int | None
    figures: list[FigureOut]


class SourceOut(Strict):
    id: str
    g_per_kwh: str
    publisher: str
    document: str
    page: str
    url: str


class ValuesOut(Strict):
    times: list[str]
    values: list[float]


class ExchangedOut(Strict):
    """A meter exchange (Zählerwechsel): where the register begins anew."""

    time: str
    text: str


class GasOut(Strict):
    """Kilowatt-hours (Hs) are m³ × Zustandszahl × Brennwert (kWh/m³), on the local days from start to before end."""

    start: str
    end: str | None
    state_number: str
    calorific_value: str
    source: str


class TraceOut(Strict):
    """A figure and the next step below it: smaller figures, or a meter's intervals and register readings."""

    figure: FigureOut
    parts: list[FigureOut]
    meter: str | None
    intervals: ValuesOut
    readings: ValuesOut
    exchanges: list[ExchangedOut]
    gas: list[GasOut]
    factors: list[SourceOut]
    version: str


class TargetYearOut(Strict):
    """Null where nothing is known; ``completeness`` is the measured share of the whole year."""

    year: int
    path_kg: float | None
    emitted_kg: float | None
    given: bool
    completeness: float | None


class TargetOut(Strict):
    """The path to the climate target; ``aims`` are percent less than in the base year.

    It is that of all buildings together: who may see only some of them is told no years.
    """

    base_year: int
    aims: dict[int, float]
    source: str
    years: list[TargetYearOut]


class ReportQuery(StrictQuery):
    period: str
    """2026, 2026-10, 2026-10-05 or 2026-01-01..2026-03-15, local time."""
    rules: str | None = None
    """A name from /co2/v1/views; the live factors if left out."""
    scope: str = CITY
    """city, site:…, building:… or sector:…"""

    def asked(self) -> Asked:
        """Raises HTTPException 422 for what is no period."""
        try:
            return Asked(Period.parse(self.period), self.rules, self.scope)
        except ValueError as error:
            raise HTTPException(422, str(error)) from None


class FileQuery(ReportQuery):
    format: Literal["pdf", "xlsx", "html", "csv", "json"] = "pdf"
    lang: Language | None = None


class EnergyQuery(StrictQuery):
    period: str
    """A month such as 2026-10, or a year, local time."""
    building: str
    """Its id."""
    rules: str | None = None
    """What CO2e with upstream is by: a view without scopes; UBA-16-2026 if left out."""
    format: Literal["pdf", "xlsx", "html", "csv", "json"] = "pdf"
    lang: Language | None = None


class FiguresQuery(ReportQuery):
    offset: Annotated[int, Query(ge=0)] = 0
    limit: Annotated[int, Query(ge=1, le=_MOST)] = 200


def _reports(request: Request) -> Reports:
    reports = house_of(request).reports
    assert reports is not None
    return reports


Made = Annotated[Reports, Depends(_reports)]


def router() -> APIRouter:
    routes = APIRouter(prefix="/co2/v1", tags=["co2"])
    assert set(_MEDIA_TYPES) == set(FORMATS)

    @routes.get("/views")
    async def views(house: Seen, reports: Made, lang: Language | None = None) -> list[ViewOut]:
        """The rule sets a report can be made by; the first is the live one."""
        language = lang or house.language
        return [ViewOut(name=view.name, title=view.title[language], kind=view.kind) for view in reports.views]

    _add_target(routes)

    @routes.get("/figures")
    async def figures(
        reports: Made, request: Request, response: Response, asked: Annotated[FiguresQuery, Query()]
    ) -> FiguresOut:
        """All figures of a report, page by page."""
        report = await _report(reports, asked.asked())
        etag = _etag(report.manifest.report if report.manifest else "", str(asked.offset), str(asked.limit))
        if request.headers.get("if-none-match") == etag:
            raise HTTPException(304, headers={"ETag": etag})
        response.headers["ETag"] = etag
        page = report.figures[asked.offset : asked.offset + asked.limit]
        after = asked.offset + len(page)
        return FiguresOut(
            view=report.view.name,
            manifest=report.manifest.report if report.manifest else None,
            total=len(report.figures),
            next_offset=after if after < len(report.figures) else None,
            figures=[figure_out(figure) for figure in page],
        )

    @routes.get("/figures/{figure:path}")
    async def figure(
        reports: Made,
        figure: Annotated[str, Path(description="An id, such as UBA-16-2026/2025/energy/city/all/all")],
    ) -> TraceOut:
        """A figure and the way down from it."""
        try:
            found = await reports.trace(FigureId.parse(figure))
        except ValueError as error:
            raise HTTPException(422, str(error)) from None
        except LookupError as error:
            raise HTTPException(404, str(error.args[0])) from None
        return trace_out(found)

    _add_files(routes)
    return routes


def _add_files(routes: APIRouter) -> None:
    @routes.get("/report", response_class=Response)
    async def report(house: Seen, reports: Made, request: Request, asked: Annotated[FileQuery, Query()]) -> Response:
        """The report as a file."""
        question = asked.asked()
        await _report(reports, question)  # says what is wrong with the question
        content = await reports.file(question, asked.format, asked.lang or house.language)
        return _file(request, content, f"co2-{asked.scope.replace(':', '-')}-{asked.period}", asked.format)

    @routes.get("/energy", response_class=Response)
    async def energy(house: Seen, reports: Made, request: Request, asked: Annotated[EnergyQuery, Query()]) -> Response:
        """The energy report of a building: energy, cost and CO2 by carrier, and how each came about."""
        try:
            question = Asked(Period.parse(asked.period), asked.rules)
            content = await reports.energy(asked.building, question, asked.format, asked.lang or house.language)
        except LookupError as error:
            raise HTTPException(404, str(error.args[0])) from None
        except ValueError as error:
            raise HTTPException(422, str(error)) from None
        return _file(request, content, f"energy-{asked.building}-{asked.period}", asked.format)


def _add_target(routes: APIRouter) -> None:
    @routes.get("/target")
    async def target(house: Seen, reports: Made) -> TargetOut:
        """CO2e of all buildings year by year against the path to the climate target."""
        target = reports.rules.target
        if target is None:
            raise HTTPException(404, "the settings have no carbon.target")
        is_whole = house.visitor.buildings is None
        years = await house.queries.target_years(target) if is_whole else []
        return TargetOut(
            base_year=target.base_year,
            aims={year: float(100 * reduction) for year, reduction in target.reductions.items()},
            source=target.source,
            years=[
                TargetYearOut(
                    year=year.year,
                    path_kg=year.path_kg,
                    emitted_kg=year.emitted_kg,
                    given=year.is_given,
                    completeness=year.completeness,
                )
                for year in years
            ],
        )


def _file(request: Request, content: bytes, name: str, format_: str) -> Response:
    """A report for download, or to look at, if it is not what the client has."""
    etag = _etag(hashlib.sha256(content).hexdigest())
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers={"ETag": etag})
    where = "inline" if format_ == "html" else "attachment"
    headers = {"ETag": etag, "Content-Disposition": f"{where}; filename*=UTF-8''{_quoted(f'{name}.{format_}')}"}
    return Response(content, media_type=_MEDIA_TYPES[format_], headers=headers)


async def _report(reports: Reports, asked: Asked) -> Report:
    try:
        return await reports.report(asked)
    except LookupError as error:
        raise HTTPException(404, str(error.args[0])) from None
    except ValueError as error:
        raise HTTPException(422, str(error)) from None


def figure_out(figure: Figure) -> FigureOut:
    id_ = figure.id
    numbers = {name: getattr(figure, name) for name in ("value", "completeness", "estimated_share", "low", "high")}
    return FigureOut(
        id=str(id_),
        measure=id_.measure,
        period=str(id_.period),
        place=id_.place,
        carrier=id_.carrier,
        scope=id_.scope,
        unit=figure.unit,
        factors=list(figure.factors),
        problems=[problem.value for problem in figure.problems],
        **{name: None if number is None else f"{number:f}" for name, number in numbers.items()},
    )


def trace_out(found: Trace) -> TraceOut:
    return TraceOut(
        figure=figure_out(found.figure),
        parts=[figure_out(part) for part in found.parts],
        meter=found.meter.id if found.meter else None,
        intervals=_values(found.intervals),
        readings=_values(found.readings),
        exchanges=[ExchangedOut(time=isoformat(event.time_us), text=event.title) for event in found.exchanges],
        gas=[
            GasOut(
                start=period.start.isoformat(),
                end=period.end.isoformat() if period.end else None,
                state_number=f"{period.state_number:f}",
                calorific_value=f"{period.calorific_value:f}",
                source=period.source,
            )
            for period in found.gas
        ],
        factors=[
            SourceOut(
                id=factor.id,
                g_per_kwh=f"{factor.g_per_kwh:f}",
                publisher=factor.publisher,
                document=factor.document,
                page=factor.page,
                url=factor.url,
            )
            for factor in found.factors
        ],
        version=found.version,
    )


def _values(samples: Samples) -> ValuesOut:
    return ValuesOut(times=[isoformat(at) for at in samples.times_us.tolist()], values=samples.values.tolist())


def _etag(*parts: str) -> str:
    return f'"{hashlib.sha256("/".join(parts).encode()).hexdigest()[:32]}"'


def _quoted(name: str) -> str:
    return "".join(char if (char.isalnum() and char.isascii()) or char in "-._" else "_" for char in name)
