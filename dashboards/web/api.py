"""The REST API: the same answers as on the pages, for other programs. Times are ISO 8601 in UTC."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, FastAPI, HTTPException, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import AwareDatetime, Field

from analytics.alerts.alert import Alert, State
from dashboards.web.house import House
from dashboards.web.views import DeviceState, DeviceView
from metering.estate import Building, Carrier, Meter, Role, Site
from metering.instant import SECOND, Window, from_datetime, isoformat
from metering.quantities import BILLING_UNIT, quantity
from metering.reading import Reading, Series
from metering.strict import Strict
from storage.protocol import Aggregate, StoreError, StoreUnavailable

MOST_VALUES = 100_000
"""A series answer holds no more values than this."""


class SiteOut(Strict):
    id: str
    name: str
    latitude: float | None
    longitude: float | None


class BuildingOut(Strict):
    id: str
    name: str
    site: str
    usage: str
    floor_area_m2: float | None


class MeterOut(Strict):
    id: str
    name: str
    building: str
    carrier: Carrier
    role: Role
    unit: str
    device: str
    register_quantity: str
    power_quantity: str | None
    parent: str | None


class ValueOut(Strict):
    quantity: str
    unit: str
    value: float
    time: str
    quality: str
    reason: str


class DeviceOut(Strict):
    id: str
    name: str
    building: str | None
    state: DeviceState
    heard: str | None
    latest: list[ValueOut]


class AlertOut(Strict):
    """Who did what about an alert is for the people at the pages, and not told here."""

    id: str
    title: str
    explanation: str
    kind: str
    severity: str
    state: State
    building: str
    subject: str
    first: str
    last: str
    excess: float | None
    excess_unit: str | None
    excess_eur: float | None
    excess_kg_co2e: float | None


class SeriesQuery(Strict):
    device: str
    """Id of a device, or of a meter for what was computed for it."""
    quantity: str
    start: AwareDatetime
    end: AwareDatetime
    step_s: int | None = Field(default=None, ge=1)
    """Bucket in seconds; left out: values as stored."""
    how: Aggregate = Aggregate.MEAN
    """How the values of a bucket become one."""


class SeriesOut(Strict):
    """Parallel arrays; ``qualities`` are the codes of `metering.quality`."""

    device: str
    quantity: str
    unit: str
    step_s: int | None
    how: Aggregate | None
    times: list[str]
    values: list[float]
    qualities: list[int]


def application(house: House) -> FastAPI:
    """The API, to be mounted at /api; its OpenAPI document is at /api/openapi.json."""
    app = FastAPI(
        title="Leitwarte",
        version="1",
        description="Sites, buildings, meters, devices, series and alerts.",
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.include_router(_estate(house))
    app.include_router(_values(house))
    app.include_router(_alerts(house))

    @app.exception_handler(StoreError)
    async def store_failed(request: Request, error: StoreError) -> Response:  # noqa: ARG001
        if not isinstance(error, StoreUnavailable):
            return JSONResponse({"detail": "the store refused the query"}, status_code=500)
        wait = {"Retry-After": str(round(error.retry_after_s))} if error.retry_after_s else {}
        return JSONResponse({"detail": "the store does not answer; try again later"}, status_code=503, headers=wait)

    return app


def health_router(house: House) -> APIRouter:
    """/health: 200 while the store answers, else 503."""
    routes = APIRouter()

    @routes.get("/health", include_in_schema=False)
    async def health() -> Response:
        try:
            await house.queries.latest()
            store = "ok"
        except StoreError:
            store = "unavailable"
        further: Mapping[str, object] = house.health() if house.health else {}
        state = {"status": "ok" if store == "ok" else "degraded", "store": store, **further}
        body = msgspec.json.encode(state, enc_hook=str)
        return Response(body, 200 if store == "ok" else 503, media_type="application/json")

    return routes


def _estate(house: House) -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["estate"])
    estate = house.estate

    @routes.get("/sites")
    async def sites() -> list[SiteOut]:
        return [_site(site) for site in estate.sites.values()]

    @routes.get("/buildings")
    async def buildings(site: str | None = None) -> list[BuildingOut]:
        return [_building(building) for building in estate.buildings.values() if site in (None, building.site)]

    @routes.get("/meters")
    async def meters(building: str | None = None, carrier: Carrier | None = None) -> list[MeterOut]:
        found = (meter for meter in estate.meters.values() if building in (None, meter.building))
        return [_meter(meter) for meter in found if carrier in (None, meter.carrier)]

    return routes


def _values(house: House) -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["values"])

    @routes.get("/devices")
    async def devices() -> list[DeviceOut]:
        """Every device with its state and the newest value of each quantity."""
        return [_device(view) for view in await house.queries.devices()]

    @routes.get("/series")
    async def series(asked: Annotated[SeriesQuery, Query()]) -> SeriesOut:
        """Values of one series in [start, end), as stored or one for each bucket."""
        wanted, window = Series(asked.device, asked.quantity), _window(asked.start, asked.end)
        unit = _unit(house, wanted)
        if asked.step_s is None:
            samples = (await house.queries.store.samples([wanted], window))[wanted]
        else:
            step_us = asked.step_s * SECOND
            if window.duration_us // step_us > MOST_VALUES:
                raise _too_much()
            samples = (await house.queries.store.aggregate([wanted], window, step_us, asked.how))[wanted]
        if len(samples) > MOST_VALUES:
            raise _too_much()
        return SeriesOut(
            device=asked.device,
            quantity=asked.quantity,
            unit=unit,
            step_s=asked.step_s,
            how=asked.how if asked.step_s else None,
            times=[isoformat(time) for time in samples.times_us.tolist()],
            values=samples.values.tolist(),
            qualities=samples.qualities.tolist(),
        )

    return routes


def _alerts(house: House) -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["alerts"])

    @routes.get("/alerts")
    async def alerts(*, only_open: Annotated[bool, Query(alias="open")] = True) -> list[AlertOut]:
        """The newest alerts; only the open ones unless ``open=false``."""
        return [_alert(alert) for alert in await house.inbox.alerts(only_open=only_open)]

    @routes.get("/alerts/{alert_id}")
    async def alert(alert_id: str) -> AlertOut:
        found = await house.inbox.alert(alert_id)
        if found is None:
            raise HTTPException(404, f"unknown alert {alert_id!r}; see /api/v1/alerts")
        return _alert(found)

    return routes


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


def _site(site: Site) -> SiteOut:
    return SiteOut(id=site.id, name=site.name, latitude=site.latitude, longitude=site.longitude)


def _building(building: Building) -> BuildingOut:
    return BuildingOut(
        id=building.id,
        name=building.name,
        site=building.site,
        usage=building.usage,
        floor_area_m2=building.floor_area_m2,
    )


def _meter(meter: Meter) -> MeterOut:
    return MeterOut(
        id=meter.id,
        name=meter.name,
        building=meter.building,
        carrier=meter.carrier,
        role=meter.role,
        unit=meter.carrier.unit,
        device=meter.device,
        register_quantity=meter.register,
        power_quantity=meter.power,
        parent=meter.parent,
    )


def _device(view: DeviceView) -> DeviceOut:
    return DeviceOut(
        id=view.device.id,
        name=view.device.name,
        building=view.device.building,
        state=view.state,
        heard=isoformat(view.heard_us) if view.heard_us is not None else None,
        latest=[_value(reading) for reading in view.readings],
    )


def _value(reading: Reading) -> ValueOut:
    return ValueOut(
        quantity=reading.quantity,
        unit=quantity(reading.quantity).unit,
        value=reading.value,
        time=isoformat(reading.time_us),
        quality=reading.quality.name.lower(),
        reason=reading.reason,
    )


def _alert(alert: Alert) -> AlertOut:
    excess = alert.excess
    return AlertOut(
        id=alert.id,
        title=alert.title,
        explanation=alert.explanation,
        kind=alert.kind,
        severity=alert.severity.name.lower(),
        state=alert.state,
        building=alert.building,
        subject=alert.subject,
        first=isoformat(alert.first_us),
        last=isoformat(alert.last_us),
        excess=excess.amount if excess else None,
        excess_unit=excess.unit if excess else None,
        excess_eur=excess.eur if excess else None,
        excess_kg_co2e=excess.kg_co2e if excess else None,
    )
