"""The heat network: power, temperatures, and which stations send their water back too warm."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from dashboards.grafana import look
from dashboards.grafana.basis import Basis
from dashboards.grafana.board import Panel, board
from dashboards.grafana.choices import chosen
from dashboards.grafana.query import (
    PER_HOUR,
    InfluxQuery,
    as_power,
    curve,
    is_one_of,
    joined,
    select,
    total,
)
from metering.estate import Carrier, Role

_HERE, _DEVICES_HERE = chosen("meter", "site"), chosen("device", "site")


def heat(basis: Basis) -> Dashboard:
    """District heat, by transfer station."""
    sections = {"row_today": _today, "row_power": _power, "row_temperatures": _temperatures}
    return board(basis, "heat_board", sections, "site", "now-2d")


def _stations(basis: Basis) -> list[str]:
    return basis.ids(Role.SUPPLY, Carrier.HEAT)


def _today(basis: Basis) -> list[Panel]:
    texts, ids = basis.texts, _stations(basis)
    if not ids:
        return []
    supplied = InfluxQuery(total("consumption", ids, _HERE))
    per_quarter = curve('sum("consumption") AS "each"', "interval", is_one_of("meter", ids), _HERE, step="15m")
    peak = joined(f'max("each") * {PER_HOUR}', f"({per_quarter})", ["$timeFilter"], "")
    outdoors = InfluxQuery(select('last("outdoor_temperature")', "reading"))
    return [
        look.figure(texts, "heat_today", "kwatth", supplied).time_from("now/d").span(8),
        look.figure(texts, "heat_peak", "kwatt", InfluxQuery(peak)).span(8),
        look.figure(texts, "outdoor_now", "celsius", outdoors).span(8),
    ]


def _power(basis: Basis) -> list[Panel]:
    texts, ids = basis.texts, _stations(basis)
    if not ids:
        return []
    of_them = is_one_of("meter", ids)
    power = curve(as_power("mean"), "interval", of_them, _HERE, by="meter")
    daily = basis.by_day('sum("consumption")', ids, _HERE, by="meter")
    panels = [
        look.curve(texts, "heat_power", "kwatt", [InfluxQuery(power, alias="$tag_meter")]).interval("15m"),
        look.daily_bars(texts, "heat_by_day", "kwatth", [InfluxQuery(daily, alias="$tag_meter")]),
    ]
    return [look.named(panel, basis.names(ids)) for panel in panels]


def _temperatures(basis: Basis) -> list[Panel]:
    texts = basis.texts
    devices = {meter.device for meter in basis.meters(Role.SUPPLY, Carrier.HEAT)}
    if not devices:
        return []
    of_them = is_one_of("device", devices)
    panels: list[Panel] = []
    for key, what in (
        ("flow_temperatures", 'mean("flow_temperature")'),
        ("return_temperatures", 'mean("return_temperature")'),
        ("spreads", 'mean("flow_temperature") - mean("return_temperature")'),
    ):
        query = InfluxQuery(curve(what, "reading", of_them, _DEVICES_HERE, by="device"), alias="$tag_device")
        panels.append(look.curve(texts, key, "celsius", [query]).interval("15m"))
    means = select('mean("return_temperature")', "reading", of_them, _DEVICES_HERE, then='GROUP BY "device"')
    colors = {None: look.GREEN, 50.0: look.YELLOW, 60.0: look.RED}
    ranking = look.gauges(texts, "return_ranking", "celsius", [InfluxQuery(means, alias="$tag_device")], colors)
    panels.append(ranking.decimals(1).height(9).span(12))
    return [look.named(panel, basis.names(devices)) for panel in panels]
