"""Data quality and the state of gateway and devices: which values not to trust, and since when."""

from grafana_foundation_sdk.builders import statetimeline, table, timeseries
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models.common import BigValueGraphMode, VisibilityMode
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue, ValueMap, ValueMappingResult

from dashboards.grafana import look, transform
from dashboards.grafana.basis import Basis
from dashboards.grafana.board import Panel, board
from dashboards.grafana.choices import chosen
from dashboards.grafana.events import event_table
from dashboards.grafana.query import InfluxQuery, curve, newest_of_each, per_day, select
from metering.estate import Device
from metering.heartbeat import GATEWAY, of_gateway

_METERS_HERE, _DEVICES_HERE, _SUBJECTS_HERE = (chosen(tag, "site") for tag in ("meter", "device", "subject"))
_STATES_HERE = chosen("device", "site", of_gateway(""))
_REASONS = (
    "dead_letter",
    "unknown_device",
    "unknown_quantity",
    "not_finite",
    "too_old",
    "future",
    "refused",
    "damaged",
)


def trust(basis: Basis) -> Dashboard:
    """Silent devices, gaps, doubted values."""
    sections = {"row_gateway": _gateway, "row_devices": _devices, "row_quality": _quality}
    return board(basis, "trust_board", sections, "site")


def _gateway(basis: Basis) -> list[Panel]:
    """The gateway's own signs of life, and what it reported of devices."""
    texts = basis.texts
    alive = f"\"device\" = '{GATEWAY}'"
    state = InfluxQuery(select('last("state")', "reading", alive))
    beats = InfluxQuery(curve('count("state")', "reading", alive, step="1m"))
    told = [f"\"kind\" = '{kind}'" for kind in ("device_silent", "outbox_full", "gateway_down")]
    words = {"0": texts("gateway_well"), "1": texts("gateway_ill")}
    figure = look.figure(texts, "gateway_state", "none", state).time_from("5m").span(4).height(8)
    return [
        figure.graph_mode(BigValueGraphMode.NONE)
        .mappings([ValueMap({value: ValueMappingResult(text=text) for value, text in words.items()})])
        .thresholds(look.steps({None: look.GREEN, 1.0: look.RED})),
        look.curve(texts, "gateway_beats", "none", [beats]).min(0).span(8).height(8),
        event_table(basis, f"({' OR '.join(told)})").title(texts("gateway_events")).height(8),
        _of_outbox(basis, "queued", "short").span(8),
        _of_outbox(basis, "lag", "s").span(8),
        _set_aside(basis).span(8),
    ]


def _of_outbox(basis: Basis, field: str, unit: str) -> timeseries.Panel:
    query = InfluxQuery(curve(f'max("{field}")', "reading", f"\"device\" = '{GATEWAY}'"), alias=basis.texts(field))
    return look.curve(basis.texts, field, unit, [query]).interval("1m").min(0).height(8)


def _set_aside(basis: Basis) -> timeseries.Panel:
    """The counters' rise; they begin anew with the gateway."""
    each = 'non_negative_difference(max("set_aside"))'
    query = curve(each, "reading", f'"device" =~ /^{of_gateway("")}/', by="device")
    panel = look.curve(basis.texts, "set_aside", "short", [InfluxQuery(query, alias="$tag_device")])
    return look.named(panel, {of_gateway(reason): basis.texts(f"aside_{reason}") for reason in _REASONS}).interval(
        "15m"
    )


def _devices(basis: Basis) -> list[Panel]:
    texts = basis.texts
    expected = {device.id: _with_interval(basis, device) for device in basis.estate.devices.values()}
    last_heard = InfluxQuery(newest_of_each(expected, "30d", _DEVICES_HERE), shape="table")
    share = select('mean("completeness") * 100', "interval", _METERS_HERE, then='GROUP BY "meter"')
    colors = {None: look.RED, 90.0: look.YELLOW, 99.0: look.GREEN}
    gauges = look.gauges(texts, "completeness", "percent", [InfluxQuery(share, alias="$tag_meter")], colors)
    return [
        _states(basis),
        look.listing(texts, "devices", last_heard)
        .with_transformation(transform.only("^([Tt]ime|device)$"))
        .with_transformation(transform.ordered("Time"))
        .override_by_name("device", [look.called(texts("device")), look.mapped(expected)])
        .override_by_name("Time", [look.called(texts("last_heard")), DynamicConfigValue("unit", "dateTimeFromNow")])
        .height(12),
        _errors(basis),
        look.named(gauges.min(0).max(100).decimals(1).height(12).span(24), basis.meter_names),
    ]


def _states(basis: Basis) -> statetimeline.Panel:
    """As the gateway found them; what does not change it tells every quarter of an hour."""
    texts, colors = basis.texts, (look.GREEN, look.YELLOW, look.RED)
    query = InfluxQuery(curve('last("state")', "reading", _STATES_HERE, by="device"), alias="$tag_device")
    words = {
        str(code): ValueMappingResult(text=texts(f"state_{name}"), color=color)
        for code, (name, color) in enumerate(zip(("online", "late", "silent"), colors, strict=True))
    }
    panel = look.dressed(statetimeline.Panel(), texts, "device_states", "none", [query])
    panel = panel.mappings([ValueMap(words)]).thresholds(
        look.steps({None: look.GREEN, 1.0: look.YELLOW, 2.0: look.RED})
    )
    panel = panel.merge_values(True).show_value(VisibilityMode.NEVER).interval("1m").height(14).span(24)
    panel = panel.override_by_field_type("number", [DynamicConfigValue("custom.spanNulls", 30 * 60 * 1000)])
    return look.named(panel, {of_gateway(id_): name for id_, name in basis.device_names.items()})


def _errors(basis: Basis) -> table.Panel:
    texts = basis.texts
    told = ["\"kind\" = 'device_error'", _SUBJECTS_HERE]
    columns = '"subject", "title", "end_us" / 1000 AS "until"'
    query = InfluxQuery(select(columns, "event", *told, then="ORDER BY time DESC LIMIT 200"), shape="table")
    return (
        look.listing(texts, "device_errors", query)
        .time_from("31d")
        .override_by_name("Time", [look.called(texts("error_since"))])
        .override_by_name("subject", [look.called(texts("device")), look.mapped(basis.device_names)])
        .override_by_name("title", [look.called(texts("error"))])
        .override_by_name("until", [look.called(texts("error_until")), DynamicConfigValue("unit", "dateTimeAsLocal")])
        .height(12)
    )


def _quality(basis: Basis) -> list[Panel]:
    texts = basis.texts
    newest_five = 'GROUP BY "device" ORDER BY time DESC LIMIT 5'
    doubtful = InfluxQuery(select("/_status$/", "reading", _DEVICES_HERE, then=newest_five), shape="table")
    fields = ("active_power", "active_energy_import", "temperature", "water_volume", "heat_energy")
    counted = ", ".join(f'count("{field}_status") AS "{texts(field)}"' for field in fields)
    daily = InfluxQuery(per_day(counted, "reading", basis.timezone, _DEVICES_HERE), alias="$col")
    return [
        look.listing(texts, "doubtful", doubtful)
        .override_by_name("device", [look.called(texts("device")), look.mapped(basis.device_names)])
        .override_by_name("Time", [look.called(texts("time"))]),
        look.daily_bars(texts, "doubts_by_day", "none", [daily]),
    ]


def _with_interval(basis: Basis, device: Device) -> str:
    return basis.texts("device_every", name=device.name, seconds=f"{device.interval_s:g}")
