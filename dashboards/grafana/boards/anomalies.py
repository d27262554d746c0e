"""Anomalies: what was reported, where it gathers, and the signals under it."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from dashboards.grafana import look
from dashboards.grafana.basis import Basis
from dashboards.grafana.board import Panel, board
from dashboards.grafana.choices import chosen
from dashboards.grafana.events import alert_table
from dashboards.grafana.query import ALERTS, InfluxQuery, as_power, curve, per_day, select

_METERS_HERE, _BUILDINGS_HERE = chosen("meter", "site"), chosen("building", "site")


def anomalies(basis: Basis) -> Dashboard:
    """Events as a table and over the signals; scores by meter."""
    sections = {"row_events": _events, "row_signals": _signals}
    return board(basis, "anomaly_board", sections, "site", "now-7d")


def _events(basis: Basis) -> list[Panel]:
    texts = basis.texts
    daily = InfluxQuery(
        per_day('count("title")', "event", basis.timezone, ALERTS, _BUILDINGS_HERE, by="kind"), alias="$tag_kind"
    )
    return [
        alert_table(basis, _BUILDINGS_HERE).span(16),
        look.daily_bars(texts, "events_by_day", "none", [daily]).span(8),
    ]


def _signals(basis: Basis) -> list[Panel]:
    texts = basis.texts
    load = curve(as_power("mean"), "interval", _METERS_HERE, by="meter")
    score = select('max("anomaly_score")', "interval", _METERS_HERE, then='GROUP BY "meter"')
    colors = {None: look.GREEN, 0.5: look.YELLOW, 0.8: look.RED}
    gauges = look.gauges(texts, "scores", "percentunit", [InfluxQuery(score, alias="$tag_meter")], colors)
    signals = look.curve(texts, "signals", "none", [InfluxQuery(load, alias="$tag_meter")])
    return [
        look.named(signals.interval("15m").height(12).span(16), basis.meter_names),
        look.named(gauges.min(0).max(1).height(12).span(8), basis.meter_names),
    ]
