"""The network: what an engineer looks at first."""

from collections.abc import Callable, Iterable

from grafana_foundation_sdk.builders import geomap, stat
from grafana_foundation_sdk.builders.common import FrameGeometrySource, MapLayerOptions
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.builders.geomap import MapViewConfig, TooltipOptions
from grafana_foundation_sdk.models.common import BigValueGraphMode, BigValueTextMode, FrameGeometrySourceMode
from grafana_foundation_sdk.models.geomap import TooltipMode

from dashboards.grafana import look, transform
from dashboards.grafana.band import dashed
from dashboards.grafana.basis import Basis
from dashboards.grafana.board import Panel, board
from dashboards.grafana.choices import chosen
from dashboards.grafana.events import alert_table
from dashboards.grafana.query import (
    InfluxQuery,
    as_power,
    curve,
    is_one_of,
    joined,
    newest_of_each,
    select,
    sum_of_means,
    sum_of_newest,
    total,
)
from metering.estate import Carrier, Meter, Role

QUICK_S = 300.0  # devices that should report at least this often are expected in the last 15 minutes

_TODAY = "now/d"
_HERE = {tag: chosen(tag, "site") for tag in ("meter", "device", "building")}
_ENERGY = (Carrier.ELECTRICITY, Carrier.HEAT)  # those billed in kWh


def network_overview(basis: Basis) -> Dashboard:
    """Load now and against what was expected, energy and CO2 per day, the sites, and what is wrong."""
    sections = {"row_now": _now, "row_load": _load, "row_days": _days, "row_sites": _sites}
    return board(basis, "network_overview", sections, "site")


def _now(basis: Basis) -> list[Panel]:
    texts = basis.texts
    ids = basis.ids(Role.SUPPLY, Carrier.ELECTRICITY)
    quick = {device.id for device in basis.estate.devices.values() if device.interval_s <= QUICK_S}
    compared = is_one_of("meter", ids), '"expected" > 0', _HERE["meter"]
    deviation = InfluxQuery(select('(sum("consumption") / sum("expected") - 1) * 100', "interval", *compared))
    heard = InfluxQuery(newest_of_each(quick, "15m", _HERE["device"]), shape="table")
    return [
        _power_now(basis, "load_now", Role.SUPPLY),
        _power_now(basis, "generation_now", Role.GENERATION),
        look.figure(
            texts,
            "energy_today",
            "kwatth",
            InfluxQuery(total("consumption", ids, _HERE["meter"]), alias=texts("measured")),
            InfluxQuery(total("expected", ids, _HERE["meter"]), alias=texts("expected")),
        )
        .time_from(_TODAY)
        .text_mode(BigValueTextMode.VALUE_AND_NAME)
        .graph_mode(BigValueGraphMode.NONE),
        look.figure(texts, "deviation", "percent", deviation)
        .time_from(_TODAY)
        .decimals(1)
        .thresholds(look.steps({None: look.BLUE, -20.0: look.GREEN, 10.0: look.YELLOW, 25.0: look.RED})),
        look.figure(
            texts, "co2_today", "masskg", InfluxQuery(total("emissions", basis.emitting, _HERE["meter"]))
        ).time_from(_TODAY),
        look.figure(texts, "heard", "none", heard)
        .reduce_options(look.reduced("count", "/^[Tt]ime$/"))
        .description(texts("heard_about", count=len(quick)))
        .graph_mode(BigValueGraphMode.NONE),
    ]


def _load(basis: Basis) -> list[Panel]:
    texts, estate = basis.texts, basis.estate
    by_building = [
        target
        for building in estate.buildings.values()
        for target in _power(_supply_in(basis, building.id), sum_of_means, building.name)
    ]
    slowest = max((device.interval_s for device in estate.devices.values() if device.interval_s <= QUICK_S), default=0)
    power = look.curve(texts, "power_by_building", "watt", by_building)
    ids = is_one_of("meter", basis.ids(Role.SUPPLY, Carrier.ELECTRICITY))
    against = [
        InfluxQuery(curve(as_power("sum", field), "interval", ids, _HERE["meter"], step="15m"), alias=texts(key))
        for key, field in {"measured": "consumption", "expected": "expected"}.items()
    ]
    return [
        # in a bucket of two report intervals every device has a value, so the sum has no dents
        power.interval(f"{max(60, round(2 * slowest))}s"),
        dashed(look.curve(texts, "load_and_expected", "kwatt", against), texts),
    ]


def _days(basis: Basis) -> list[Panel]:
    texts = basis.texts
    by_carrier = {carrier: basis.ids(Role.SUPPLY, carrier) for carrier in _ENERGY}
    names = basis.building_names
    return [
        look.daily_bars(
            texts,
            "energy_by_day",
            "kwatth",
            [
                InfluxQuery(basis.by_day('sum("consumption")', ids, _HERE["meter"]), alias=texts(carrier.value))
                for carrier, ids in by_carrier.items()
                if ids
            ],
        ),
        look.daily_bars(
            texts,
            "co2_by_day",
            "masskg",
            [
                InfluxQuery(basis.by_day('sum("emissions")', ids, _HERE["meter"]), alias=names[building])
                for building, ids in basis.emitting_by_building.items()
            ],
        ),
    ]


def _sites(basis: Basis) -> list[Panel]:
    return [_map(basis), alert_table(basis, _HERE["building"])]


def _map(basis: Basis) -> geomap.Panel:
    """A site's place is in no query, so its coordinates are added to it as constants; the name is a mapped number."""
    texts, targets, names = basis.texts, [], {}
    for number, site in enumerate(basis.estate.sites.values(), 1):
        meters = [m for b in basis.estate.buildings_at(site.id) for m in _supply_in(basis, b.id)]
        if site.latitude is None or site.longitude is None or not meters:
            continue
        names[str(number)] = site.name
        constants = {"latitude": site.latitude, "longitude": site.longitude, "site": number}
        placed = ", ".join(f'sum("consumption") * 0 + {value} AS "{name}"' for name, value in constants.items())
        of_site = is_one_of("meter", (m.id for m in meters))
        query = joined(f'sum("consumption") AS "energy", {placed}', '"interval"', ["$timeFilter", of_site], "")
        targets.append(InfluxQuery(query, shape="table"))
    place = FrameGeometrySource().mode(FrameGeometrySourceMode.COORDS).latitude("latitude").longitude("longitude")
    style = {
        "size": {"field": "energy", "min": 6, "max": 24},
        "color": {"fixed": look.BLUE},
        "text": {"mode": "field", "field": "site"},
        "symbol": {"mode": "fixed", "fixed": "img/icons/marker/circle.svg"},
    }
    markers = MapLayerOptions().type("markers").name(texts("site")).config({"style": style, "showLegend": False})
    return (
        look.dressed(geomap.Panel(), texts, "site_map", "kwatth", targets)
        .with_transformation(transform.merged())
        .basemap(MapLayerOptions().type("default").name("basemap"))
        .layers([markers.location(place).tooltip(True)])
        .tooltip(TooltipOptions().mode(TooltipMode.DETAILS))
        .view(MapViewConfig().id("fit").all_layers(True).padding(20))
        .override_by_name("site", [look.called(texts("site")), look.mapped(names)])
        .override_by_name("energy", [look.called(texts("energy"))])
        .height(10)
        .span(12)
    )


def _supply_in(basis: Basis, building: str) -> list[Meter]:
    return [meter for meter in basis.meters(Role.SUPPLY, Carrier.ELECTRICITY) if meter.building == building]


def _power_now(basis: Basis, key: str, role: Role) -> stat.Panel:
    targets = _power(basis.meters(role, Carrier.ELECTRICITY), sum_of_newest)
    return look.figure(basis.texts, key, "watt", *targets).time_from("15m")


def _power(meters: Iterable[Meter], summed: Callable[..., str], alias: str = "") -> list[InfluxQuery]:
    """The summed power of the meters' devices; a meter of both directions has its signed power in active_power."""
    devices: dict[str, set[str]] = {}
    for meter in meters:
        if meter.formula is not None:
            continue  # computed from others: it has no device, and would count them twice
        devices.setdefault(meter.power or "active_power", set()).add(meter.device)
    return [InfluxQuery(summed(field, ids, _HERE["device"]), alias=alias) for field, ids in devices.items()]
