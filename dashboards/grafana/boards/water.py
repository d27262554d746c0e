"""Water: what flows, and what still flows when nobody draws any."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from dashboards.grafana import look
from dashboards.grafana.basis import Basis
from dashboards.grafana.board import Panel, board
from dashboards.grafana.choices import chosen
from dashboards.grafana.query import InfluxQuery, as_power, curve, is_one_of, select, total
from metering.estate import Carrier, Role

_HERE = chosen("meter", "site")


def water(basis: Basis) -> Dashboard:
    """Flow, volume per day, and the least flow of each day, which shows leaks."""
    sections = {"row_today": _today, "row_flow": _flow}
    return board(basis, "water_board", sections, "site", "now-7d")


def _today(basis: Basis) -> list[Panel]:
    texts, ids = basis.texts, basis.ids(Role.SUPPLY, Carrier.WATER)
    if not ids:
        return []
    drawn = InfluxQuery(total("consumption", ids, _HERE))
    least = select(as_power("min"), "interval", is_one_of("meter", ids), _HERE, then='GROUP BY "meter"')
    resting = look.named(
        look.figure(texts, "least_flow", "m3h", InfluxQuery(least, alias="$tag_meter")).time_from("24h").decimals(2),
        basis.names(ids),
    )
    return [
        look.figure(texts, "water_today", "m3", drawn).time_from("now/d").span(6),
        resting.thresholds(look.steps({None: look.GREEN, 0.1: look.YELLOW, 0.5: look.RED})).span(18),
    ]


def _flow(basis: Basis) -> list[Panel]:
    texts, ids = basis.texts, basis.ids(Role.SUPPLY, Carrier.WATER)
    if not ids:
        return []
    of_them = is_one_of("meter", ids)
    flow = curve(as_power("mean"), "interval", of_them, _HERE, by="meter")
    daily = basis.by_day('sum("consumption")', ids, _HERE, by="meter")
    night = basis.by_day(as_power("min"), ids, _HERE, by="meter")
    panels = [
        look.curve(texts, "water_flow", "m3h", [InfluxQuery(flow, alias="$tag_meter")]).interval("15m").span(24),
        look.daily_bars(texts, "water_by_day", "m3", [InfluxQuery(daily, alias="$tag_meter")]),
        look.curve(texts, "night_flow", "m3h", [InfluxQuery(night, alias="$tag_meter")])
        .time_from("90d")
        .interval("1d"),
    ]
    return [look.named(panel, basis.names(ids)) for panel in panels]
