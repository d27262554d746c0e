"""What the REST API is asked and answers: its records, and how they come from those of the app."""

from typing import Literal

from pydantic import AwareDatetime, Field

from analytics.alerts.alert import Alert, State
from dashboards.web.views import DeviceState, DeviceView
from metering.estate import Building, Carrier, Meter, Role, Site
from metering.instant import isoformat
from metering.quantities import quantity
from metering.reading import Reading
from metering.strict import Strict, StrictQuery
from storage.protocol import Aggregate


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
    error: str
    """The last of this month that the gateway had with it; empty if there was none."""
    error_since: str | None
    error_until: str | None
    """When it was last seen; left out while it is still so."""
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
    muted_until: str | None
    verdict: str | None
    excess: float | None
    excess_unit: str | None
    excess_eur: float | None
    excess_kg_co2e: float | None


class SeriesQuery(StrictQuery):
    device: str
    """Id of a device, or of a meter for what was computed for it."""
    quantity: str
    start: AwareDatetime
    end: AwareDatetime
    step_s: int | None = Field(default=None, ge=1)
    """Bucket in seconds; left out: values as stored."""
    how: Aggregate = Aggregate.MEAN
    """How the values of a bucket become one."""
    format: Literal["json", "csv", "parquet"] = "json"
    """As what they come."""


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


def site_out(site: Site) -> SiteOut:
    return SiteOut(id=site.id, name=site.name, latitude=site.latitude, longitude=site.longitude)


def building_out(building: Building) -> BuildingOut:
    return BuildingOut(
        id=building.id,
        name=building.name,
        site=building.site,
        usage=building.usage,
        floor_area_m2=building.floor_area_m2,
    )


def meter_out(meter: Meter) -> MeterOut:
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


def device_out(view: DeviceView) -> DeviceOut:
    error = view.error
    return DeviceOut(
        id=view.device.id,
        name=view.device.name,
        building=view.device.building,
        state=view.state,
        heard=_time(view.heard_us),
        error=error.text if error else "",
        error_since=_time(error.since_us) if error else None,
        error_until=_time(error.until_us) if error else None,
        latest=[value_out(reading) for reading in view.readings],
    )


def value_out(reading: Reading) -> ValueOut:
    return ValueOut(
        quantity=reading.quantity,
        unit=quantity(reading.quantity).unit,
        value=reading.value,
        time=isoformat(reading.time_us),
        quality=reading.quality.name.lower(),
        reason=reading.reason,
    )


def alert_out(alert: Alert) -> AlertOut:
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
        muted_until=_time(alert.muted_until_us),
        verdict=alert.verdict,
        excess=excess.amount if excess else None,
        excess_unit=excess.unit if excess else None,
        excess_eur=excess.eur if excess else None,
        excess_kg_co2e=excess.kg_co2e if excess else None,
    )


def _time(instant_us: int | None) -> str | None:
    return None if instant_us is None else isoformat(instant_us)
