"""Photovoltaics and charging: generation, how much of it is used on site, which plant falls behind, charge points."""

from grafana_foundation_sdk.builders import timeseries
from grafana_foundation_sdk.builders.common import StackingConfig
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models.common import StackingMode

from dashboards.grafana import look, transform
from dashboards.grafana.basis import Basis
from dashboards.grafana.board import Panel, board
from dashboards.grafana.choices import chosen
from dashboards.grafana.query import (
    InfluxQuery,
    as_power,
    curve,
    is_one_of,
    select,
    sum_of_newest,
    total,
)
from metering.estate import Carrier, Role

_HERE, _DEVICES_HERE = chosen("meter", "site"), chosen("device", "site")
_TODAY = "now/d"


def solar(basis: Basis) -> Dashboard:
    """Generation, feed-in, own use, the plants and the charge points side by side."""
    sections = {"row_now": _now, "row_plants": _plants, "row_use": _use, "row_charging": _charging}
    return board(basis, "solar_board", sections, "site", "now-2d")


def _now(basis: Basis) -> list[Panel]:
    texts = basis.texts
    plants = basis.meters(Role.GENERATION, Carrier.ELECTRICITY)
    now = [
        InfluxQuery(sum_of_newest(field, {m.device for m in plants if m.power == field}, _DEVICES_HERE))
        for field in sorted({meter.power for meter in plants if meter.power})
    ]
    made = InfluxQuery(total("consumption", [meter.id for meter in plants], _HERE))
    fed = InfluxQuery(total("consumption", basis.ids(Role.FEED_IN, Carrier.ELECTRICITY), _HERE))
    sun = InfluxQuery(select('last("irradiance")', "reading"))
    if not plants:
        return []
    return [
        look.figure(texts, "generation_now", "watt", *now).time_from("15m").span(6),
        look.figure(texts, "generated_today", "kwatth", made).time_from(_TODAY).span(6),
        look.figure(texts, "fed_in_today", "kwatth", fed).time_from(_TODAY).span(6),
        look.figure(texts, "irradiance_now", "Wm2", sun).span(6),
    ]


def _plants(basis: Basis) -> list[Panel]:
    texts = basis.texts
    ids = basis.ids(Role.GENERATION, Carrier.ELECTRICITY)
    if not ids:
        return []
    of_plants = is_one_of("meter", ids)
    power = curve(as_power("mean"), "interval", of_plants, _HERE, by="meter")
    daily = basis.by_day('sum("consumption")', ids, _HERE, by="meter")
    sun = InfluxQuery(curve('mean("irradiance")', "reading"), alias=texts("irradiance"))
    plants = look.curve(texts, "plant_power", "kwatt", [InfluxQuery(power, alias="$tag_meter")]).interval("15m")
    yields = look.daily_bars(texts, "plant_yield", "kwatth", [InfluxQuery(daily, alias="$tag_meter")])
    return [
        look.named(plants.span(16), basis.names(ids)),
        look.curve(texts, "irradiance_curve", "Wm2", [sun]).interval("15m").span(8),
        look.named(yields, basis.names(ids)),
        _dc(basis),
    ]


def _dc(basis: Basis) -> timeseries.Panel:
    devices = {m.device for m in basis.meters(Role.GENERATION, Carrier.ELECTRICITY)}
    inverters = is_one_of("device", devices)
    query = curve('mean("dc_power")', "reading", inverters, _DEVICES_HERE, by="device")
    panel = look.curve(basis.texts, "dc_power", "watt", [InfluxQuery(query, alias="$tag_device")])
    return look.named(panel.interval("5m"), basis.names(devices))


def _use(basis: Basis) -> list[Panel]:
    """Own use is generation less feed-in, day by day; only sites with a feed-in meter can know it."""
    texts = basis.texts
    made, fed = basis.ids(Role.GENERATION, Carrier.ELECTRICITY), basis.ids(Role.FEED_IN, Carrier.ELECTRICITY)
    if not made or not fed:
        return []
    queries = [
        InfluxQuery(
            basis.by_day(f'sum("consumption") AS "{name}"', ids, _HERE),
            shape="table",
        )
        for name, ids in {"generated": made, "fed_in": fed}.items()
    ]
    panel = look.daily_bars(texts, "own_use", "kwatth", queries).with_transformation(transform.joined())
    return [
        panel.with_transformation(transform.calculated("own", "generated", "-", "fed_in"))
        .with_transformation(transform.only("^(Time|own|fed_in)$"))
        .override_by_name("own", [look.called(texts("own"))])
        .override_by_name("fed_in", [look.called(texts("fed_in"))])
        .span(24)
    ]


def _charging(basis: Basis) -> list[Panel]:
    texts = basis.texts
    points = [meter for meter in basis.estate.meters.values() if meter.is_charging]
    ids = [meter.id for meter in points]
    if not ids:
        return []
    now = [
        InfluxQuery(sum_of_newest(field, {m.device for m in points if m.power == field}, _DEVICES_HERE))
        for field in sorted({meter.power for meter in points if meter.power})
    ]
    drawn = InfluxQuery(total("consumption", ids, _HERE))
    power = InfluxQuery(
        curve(as_power("mean"), "interval", is_one_of("meter", ids), _HERE, by="meter"), alias="$tag_meter"
    )
    daily = InfluxQuery(basis.by_day('sum("consumption")', ids, _HERE, by="meter"), alias="$tag_meter")
    stacked = StackingConfig().mode(StackingMode.NORMAL).group("A")
    return [
        look.figure(texts, "charging_now", "watt", *now).time_from("15m").span(12),
        look.figure(texts, "charged_today", "kwatth", drawn).time_from(_TODAY).span(12),
        look.named(
            look.curve(texts, "charging_power", "kwatt", [power]).stacking(stacked).interval("15m"),
            basis.names(ids),
        ),
        look.named(look.daily_bars(texts, "charging_by_day", "kwatth", [daily]), basis.names(ids)),
    ]
