"""Data quality and the state of the devices: which values not to trust, and since when."""

from grafana_foundation_sdk.builders import bargauge
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models.common import BigValueGraphMode, VizOrientation
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue, ValueMap, ValueMappingResult

from dashboards.grafana import look, transform
from dashboards.grafana.basis import Basis
from dashboards.grafana.board import Panel, board
from dashboards.grafana.choices import chosen
from dashboards.grafana.events import event_table
from dashboards.grafana.query import InfluxQuery, curve, newest_of_each, per_day, select
from metering.estate import Device
from metering.heartbeat import GATEWAY

_METERS_HERE, _DEVICES_HERE = chosen("meter", "site"), chosen("device", "site")


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
    ]


def _devices(basis: Basis) -> list[Panel]:
    texts = basis.texts
    expected = {device.id: _with_interval(basis, device) for device in basis.estate.devices.values()}
    last_heard = InfluxQuery(newest_of_each(expected, "30d", _DEVICES_HERE), shape="table")
    share = select('mean("completeness") * 100', "interval", _METERS_HERE, then='GROUP BY "meter"')
    gauges = look.dressed(bargauge.Panel(), texts, "completeness", "percent", [InfluxQuery(share, alias="$tag_meter")])
    gauges = gauges.orientation(VizOrientation.HORIZONTAL).min(0).max(100).decimals(1).height(12).span(12)
    return [
        look.listing(texts, "devices", last_heard)
        .with_transformation(transform.only("^([Tt]ime|device)$"))
        .with_transformation(transform.ordered("Time"))
        .override_by_name("device", [look.called(texts("device")), look.mapped(expected)])
        .override_by_name("Time", [look.called(texts("last_heard")), DynamicConfigValue("unit", "dateTimeFromNow")])
        .height(12),
        look.named(
            gauges.thresholds(look.steps({None: look.RED, 90.0: look.YELLOW, 99.0: look.GREEN})), basis.meter_names
        ),
    ]


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
