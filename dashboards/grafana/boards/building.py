"""A building: all its carriers, the shape of its load, what never rests, and how heat follows the weather."""

from grafana_foundation_sdk.builders import table, trend, xychart
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.builders.xychart import XYDimensionConfig
from grafana_foundation_sdk.models.common import BigValueGraphMode, BigValueTextMode
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue
from grafana_foundation_sdk.models.xychart import SeriesMapping

from dashboards.grafana import look, transform
from dashboards.grafana.band import band
from dashboards.grafana.basis import Basis
from dashboards.grafana.board import Panel, board
from dashboards.grafana.choices import chosen
from dashboards.grafana.query import PER_HOUR, InfluxQuery, as_power, curve, is_one_of, per_day, total
from metering.estate import Carrier, Role

_HERE = chosen("meter", "building")
_DEVICES_HERE = chosen("device", "building")
_TODAY = "now/d"


def building(basis: Basis) -> Dashboard:
    """One building, chosen at the top."""
    sections = {
        "row_today": _today,
        "row_load": _load,
        "row_shape": _shape,
        "row_days": _days,
        "row_rooms": _rooms,
    }
    return board(basis, "building_board", sections, "building", "now-7d")


def _today(basis: Basis) -> list[Panel]:
    texts = basis.texts
    panels: list[Panel] = []
    for carrier, unit in _UNITS.items():
        ids = basis.ids(Role.SUPPLY, carrier)
        if ids:
            consumed = InfluxQuery(total("consumption", ids, _HERE), alias=texts("measured"))
            expected = InfluxQuery(total("expected", ids, _HERE), alias=texts("expected"))
            panels.append(
                look.figure(texts, f"{carrier}_today", unit, consumed, expected)
                .time_from(_TODAY)
                .text_mode(BigValueTextMode.VALUE_AND_NAME)
                .graph_mode(BigValueGraphMode.NONE)
            )
    emitted = InfluxQuery(total("emissions", basis.emitting, _HERE))
    return [*panels, look.figure(texts, "co2_today", "masskg", emitted).time_from(_TODAY)]


_UNITS = {
    Carrier.ELECTRICITY: "kwatth",
    Carrier.HEAT: "kwatth",
    Carrier.GAS: "m3",
    Carrier.WATER: "m3",
}


def _load(basis: Basis) -> list[Panel]:
    texts = basis.texts
    supply = is_one_of("meter", basis.ids(Role.SUPPLY, Carrier.ELECTRICITY))
    parts = is_one_of("meter", [*basis.ids(Role.SUBMETER), *basis.ids(Role.GENERATION, Carrier.ELECTRICITY)])
    below = curve(as_power("mean"), "interval", parts, _HERE, by="meter")
    submeters = look.curve(texts, "submeters", "kwatt", [InfluxQuery(below, alias="$tag_meter")])
    return [
        band(texts, "building_load", "kwatt", supply, _HERE, factor=PER_HOUR),
        look.named(submeters.interval("15m"), basis.meter_names),
    ]


def _shape(basis: Basis) -> list[Panel]:
    return [_week(basis), _duration(basis), _base_load(basis), _scatter(basis)]


def _hourly(basis: Basis) -> InfluxQuery:
    """The electric load of each hour, in kW."""
    ids = is_one_of("meter", basis.ids(Role.SUPPLY, Carrier.ELECTRICITY))
    return InfluxQuery(curve('sum("consumption") AS "load"', "interval", ids, _HERE, step="1h"), shape="table")


def _week(basis: Basis) -> table.Panel:
    texts = basis.texts
    panel = look.listing(texts, "week", _hourly(basis), "kwatt").time_from("28d").decimals(1).span(8).height(19)
    for step in transform.week_matrix("load", basis.timezone):
        panel = panel.with_transformation(step)
    cells = DynamicConfigValue("custom.cellOptions", {"type": "color-background", "mode": "basic"})
    scale = DynamicConfigValue("color", {"mode": "continuous-BlYlRd"})
    for day in range(1, 8):
        panel = panel.override_by_name(str(day), [look.called(texts(f"weekday_{day}")), cells, scale])
    return panel.override_by_name("hour\\weekday", [look.called(texts("hour")), DynamicConfigValue("unit", "none")])


def _duration(basis: Basis) -> trend.Panel:
    panel = look.dressed(trend.Panel(), basis.texts, "duration", "kwatt", [_hourly(basis)]).x_field("share")
    for step in transform.duration_curve("load"):
        panel = panel.with_transformation(step)
    share = [look.called(basis.texts("share_of_time")), DynamicConfigValue("unit", "percentunit")]
    return panel.override_by_name("share", share).time_from("365d").fill_opacity(20).height(9).span(8)


def _base_load(basis: Basis) -> Panel:
    ids = basis.ids(Role.SUPPLY, Carrier.ELECTRICITY)
    lowest = basis.by_day(as_power("min"), ids, _HERE, by="meter")
    panel = look.curve(basis.texts, "base_load", "kwatt", [InfluxQuery(lowest, alias="$tag_meter")])
    return look.named(panel.time_from("90d").interval("1d").span(8), basis.meter_names)


def _scatter(basis: Basis) -> xychart.Panel:
    texts = basis.texts
    heat = basis.by_day('sum("consumption") AS "heat"', basis.ids(Role.SUPPLY, Carrier.HEAT), _HERE)
    outdoors = per_day('mean("outdoor_temperature") AS "outdoor"', "reading", basis.timezone)
    targets = [InfluxQuery(outdoors, shape="table"), InfluxQuery(heat, shape="table")]
    return (
        look.dressed(xychart.Panel(), texts, "scatter", "kwatth", targets)
        .with_transformation(transform.joined())
        .with_transformation(transform.only("^(outdoor|heat)$"))
        .series_mapping(SeriesMapping.AUTO)  # without it Grafana 11 takes the mapping for manual, and draws nothing
        .dims(XYDimensionConfig().frame(0).x("outdoor"))
        .override_by_name("outdoor", [look.called(texts("outdoor")), DynamicConfigValue("unit", "celsius")])
        .override_by_name("heat", [look.called(texts("heat"))])
        .time_from("365d")
        .height(10)
        .span(8)
    )


def _days(basis: Basis) -> list[Panel]:
    texts = basis.texts
    panels: list[Panel] = []
    for key, carriers, unit in (
        ("energy_by_day", (Carrier.ELECTRICITY, Carrier.HEAT), "kwatth"),
        ("volume_by_day", (Carrier.GAS, Carrier.WATER), "m3"),
    ):
        targets = [
            InfluxQuery(basis.by_day('sum("consumption")', ids, _HERE), alias=texts(carrier.value))
            for carrier in carriers
            if (ids := basis.ids(Role.SUPPLY, carrier))
        ]
        panels.append(look.daily_bars(texts, key, unit, targets).span(8))
    emitted = [InfluxQuery(basis.by_day('sum("emissions")', basis.emitting, _HERE), alias=texts("emissions"))]
    return [*panels, look.daily_bars(texts, "co2_of_building", "masskg", emitted).span(8)]


def _rooms(basis: Basis) -> list[Panel]:
    texts = basis.texts
    panels: list[Panel] = []
    for key, field, unit in (("room_temperature", "temperature", "celsius"), ("room_co2", "co2", "ppm")):
        query = curve(f'mean("{field}")', "reading", _DEVICES_HERE, by="device")
        panel = look.curve(texts, key, unit, [InfluxQuery(query, alias="$tag_device")])
        panels.append(look.named(panel.interval("15m"), basis.device_names))
    return panels
