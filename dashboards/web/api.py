"""The REST API: the same answers as on the pages, for other programs. Times are ISO 8601 in UTC."""

import asyncio
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, FastAPI, HTTPException, Query, Request
from fastapi.responses import JSONResponse, Response

from dashboards.web import alerts_api, co2_api, exchanges_api, export, operation_api
from dashboards.web.answers import (
    BuildingOut,
    DeviceOut,
    MeterOut,
    SeriesOut,
    SeriesQuery,
    SiteOut,
    building_out,
    device_out,
    meter_out,
    site_out,
)
from dashboards.web.house import House, Seen
from dashboards.web.sensorthings import routes as sensorthings
from dashboards.web.values import stretches
from metering.estate import Carrier
from metering.instant import SECOND, Window, from_datetime, isoformat
from metering.quantities import BILLING_UNIT, quantity
from metering.reading import Series
from metering.samples import Samples
from storage.protocol import Store, StoreError, StoreUnavailable

MOST_VALUES = 100_000
"""A series answer holds no more values than this."""
_STORE_ANSWERS_S = 2.0  # less than those who ask after our health wait
_MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}
_CONTENT: dict[str, dict[str, object]] = {media: {} for media in _MEDIA_TYPES.values()}


def application(*, has_reports: bool) -> FastAPI:
    """The API, to be mounted at /api; its OpenAPI document is at /api/openapi.json."""
    app = FastAPI(
        title="Leitwarte",
        version="1",
        description="Sites, buildings, meters, devices, series, alerts, operation, and CO2 reports.",
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
        responses={429: {"description": "Too many requests in a minute; wait as long as Retry-After says"}},
    )
    app.include_router(_estate())
    app.include_router(_values())
    app.include_router(alerts_api.router())
    app.include_router(operation_api.router())
    app.include_router(exchanges_api.router())
    if has_reports:
        app.include_router(co2_api.router())
    app.include_router(sensorthings.router())

    @app.exception_handler(StoreError)
    async def store_failed(request: Request, error: StoreError) -> Response:  # noqa: ARG001
        if not isinstance(error, StoreUnavailable):
            return JSONResponse({"detail": "the store refused the query"}, status_code=500)
        wait = {"Retry-After": str(round(error.retry_after_s))} if error.retry_after_s else {}
        return JSONResponse({"detail": "the store does not answer; try again later"}, status_code=503, headers=wait)

    return app


def health_router(house: House) -> APIRouter:
    """/health: 200 while the store answers, else 503. A store that hangs is not waited for."""
    routes = APIRouter()

    @routes.get("/health", include_in_schema=False)
    async def health() -> Response:
        try:
            async with asyncio.timeout(_STORE_ANSWERS_S):
                await house.queries.latest()
            store = "ok"
        except (StoreError, TimeoutError):
            store = "unavailable"
        further: Mapping[str, object] = house.health() if house.health else {}
        state = {"status": "ok" if store == "ok" else "degraded", "store": store, **further}
        body = msgspec.json.encode(state, enc_hook=str)
        return Response(body, 200 if store == "ok" else 503, media_type="application/json")

    return routes


def _estate() -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["estate"])

    @routes.get("/sites")
    async def sites(house: Seen) -> list[SiteOut]:
        return [site_out(site) for site in house.estate.sites.values()]

    @routes.get("/buildings")
    async def buildings(house: Seen, site: str | None = None) -> list[BuildingOut]:
        found = house.estate.buildings.values()
        return [building_out(building) for building in found if site in (None, building.site)]

    @routes.get("/meters")
    async def meters(house: Seen, building: str | None = None, carrier: Carrier | None = None) -> list[MeterOut]:
        found = (meter for meter in house.estate.meters.values() if building in (None, meter.building))
        return [meter_out(meter) for meter in found if carrier in (None, meter.carrier)]

    return routes


def _values() -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["values"])

    @routes.get("/devices")
    async def devices(house: Seen) -> list[DeviceOut]:
        """Every device with its state and the newest value of each quantity."""
        return [device_out(view) for view in await house.queries.devices()]

    @routes.get("/series", response_model=SeriesOut, responses={200: {"content": _CONTENT}, 304: {}})
    async def series(house: Seen, request: Request, asked: Annotated[SeriesQuery, Query()]) -> Response:
        """Values of one series in [start, end), as stored or one for each bucket."""
        wanted, window = Series(asked.device, asked.quantity), _window(asked.start, asked.end)
        unit = _unit(house, wanted)
        samples = await _samples(house, wanted, window, asked)
        headers = {"ETag": export.etag(samples, asked)}
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        if asked.format == "json":
            content = await asyncio.to_thread(_json, asked, unit, samples)
            return Response(content, media_type="application/json", headers=headers)
        write = export.to_csv if asked.format == "csv" else export.to_parquet
        content = await asyncio.to_thread(write, wanted, unit, samples)
        name = re.sub(r"[^A-Za-z0-9._-]", "_", f"{asked.device}-{asked.quantity}.{asked.format}")
        headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return Response(content, media_type=_MEDIA_TYPES[asked.format], headers=headers)

    return routes


async def _samples(house: House, wanted: Series, window: Window, asked: SeriesQuery) -> Samples:
    """Raises HTTPException 422 if there are too many."""
    store = house.queries.store
    if asked.step_s is None:
        return await _as_stored(store, wanted, window)
    step_us = asked.step_s * SECOND
    if window.duration_us // step_us > MOST_VALUES:
        raise _too_much()
    return (await store.aggregate([wanted], window, step_us, asked.how))[wanted]


async def _as_stored(store: Store, wanted: Series, window: Window) -> Samples:
    """Raises HTTPException 422 once there are too many."""
    found, count = [Samples.empty()], 0
    async for samples in stretches(store, wanted, window, MOST_VALUES):
        found.append(samples)
        count += len(samples)
        if count > MOST_VALUES:
            raise _too_much()
    return Samples.joined(found)


def _json(asked: SeriesQuery, unit: str, samples: Samples) -> bytes:
    answer = {
        "device": asked.device,
        "quantity": asked.quantity,
        "unit": unit,
        "step_s": asked.step_s,
        "how": asked.how if asked.step_s else None,
        "times": [isoformat(time) for time in samples.times_us.tolist()],
        "values": samples.values.tolist(),
        "qualities": samples.qualities.tolist(),
    }
    return msgspec.json.encode(answer)


def _window(start: datetime, end: datetime) -> Window:
    try:
        return Window(from_datetime(start), from_datetime(end))
    except ValueError as error:
        raise HTTPException(422, str(error)) from None


def _unit(house: House, series: Series) -> str:
    """The unit of a series. Raises HTTPException 404 if there is no such device, meter or quantity."""
    if series.device in house.estate.meters:
        meter = house.estate.meters[series.device]
        billing_unit = meter.carrier.unit
    elif series.device in house.estate.devices:
        billing_unit = ""
    else:
        raise HTTPException(404, f"unknown device or meter {series.device!r}; see /api/v1/devices and /api/v1/meters")
    try:
        known = quantity(series.quantity)
    except LookupError as error:
        raise HTTPException(404, str(error.args[0])) from None
    return billing_unit if known.unit == BILLING_UNIT else known.unit


def _too_much() -> HTTPException:
    return HTTPException(
        422, f"more than {MOST_VALUES} values; ask for a shorter time, or for buckets with a larger step_s"
    )
