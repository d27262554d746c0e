"""The REST API of operation, under /api/v1/operation: what the operator's pages show."""

import asyncio
from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import APIRouter, HTTPException, Query

from dashboards.web.house import House, Seen
from dashboards.web.operations import Operations
from metering.instant import isoformat
from metering.strict import Strict
from metering.texts import Language

_T = TypeVar("_T")
_MOST = 500


class SetAsideOut(Strict):
    """A message nobody could decode, or a reading that was not taken."""

    id: str
    time: str
    source: str
    about: str
    reason: str
    payload: str


class SettingsOut(Strict):
    does: list[str]
    remarks: list[str]


class FactorOut(Strict):
    """An emission factor from ``start`` to before ``end`` (local dates); the number is a text with all its digits."""

    id: str
    carrier: str
    start: str
    end: str
    g_per_kwh: str
    gases: str
    boundary: str
    heat_basis: str
    status: str
    publisher: str
    document: str
    page: str
    url: str


class FactorSetOut(Strict):
    title: str
    factors: list[FactorOut]


class EntryOut(Strict):
    time: str
    who: str
    action: str
    subject: str
    detail: str
    address: str


def router() -> APIRouter:
    routes = APIRouter(prefix="/v1/operation", tags=["operation"])

    @routes.get("/set-aside")
    async def set_aside(house: Seen, limit: Annotated[int, Query(ge=1, le=_MOST)] = _MOST) -> list[SetAsideOut]:
        """Dead letters and rejected readings, newest first; ``leitwarte deadletter replay`` tries them again."""
        operations = _operations(house)
        cases = await _off_loop(lambda: operations.set_aside(limit))
        if cases is None:
            raise _elsewhere()
        return [
            SetAsideOut(
                id=case.id,
                time=isoformat(case.time_us),
                source=case.source,
                about=case.about,
                reason=case.reason,
                payload=case.payload,
            )
            for case in cases
        ]

    @routes.get("/settings")
    async def settings(house: Seen, lang: Language | None = None) -> SettingsOut:
        """What the settings do, line by line, and what in them is probably not meant."""
        operations, language = _operations(house), lang or house.language
        checked = await _off_loop(lambda: operations.settings(language))
        return SettingsOut(does=list(checked.does), remarks=list(checked.remarks))

    @routes.get("/factors")
    async def factors(house: Seen) -> FactorSetOut:
        """The live emission factors with their sources."""
        if house.reports is None:
            raise HTTPException(404, "no emission factors are set")
        found = house.reports.rules.factors
        return FactorSetOut(
            title=found.title[house.language],
            factors=[
                FactorOut(
                    id=factor.id,
                    carrier=factor.carrier,
                    start=factor.start.isoformat(),
                    end=factor.end.isoformat(),
                    g_per_kwh=f"{factor.g_per_kwh:f}",
                    gases=factor.gases,
                    boundary=factor.boundary,
                    heat_basis=factor.heat_basis,
                    status=factor.status,
                    publisher=factor.publisher,
                    document=factor.document,
                    page=factor.page,
                    url=factor.url,
                )
                for factor in found.factors
            ],
        )

    @routes.get("/log")
    async def log(house: Seen) -> list[EntryOut]:
        """Who did what, newest first; empty without sign-in."""
        accounts = house.accounts
        entries = await asyncio.to_thread(accounts.log) if accounts else []
        return [
            EntryOut(
                time=isoformat(entry.time_us),
                who=entry.who,
                action=entry.action,
                subject=entry.subject,
                detail=entry.detail,
                address=entry.address,
            )
            for entry in entries
        ]

    return routes


def _operations(house: House) -> Operations:
    if house.operations is None:
        raise _elsewhere()
    return house.operations


def _elsewhere() -> HTTPException:
    return HTTPException(404, "the gateway keeps that on another machine; ask there: leitwarte deadletter list")


async def _off_loop(ask: Callable[[], _T]) -> _T:
    try:
        return await asyncio.to_thread(ask)
    except OSError as error:
        raise HTTPException(503, str(error)) from error
