"""A meter: what it shows now, its phases and register, its consumption against the forecast, its doubtful values."""

from collections.abc import Iterable

from grafana_foundation_sdk.builders import stat, timeseries
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models.common import BigValueGraphMode

from dashboards.grafana import look
from dashboards.grafana.band import band
from dashboards.grafana.basis import Basis
from dashboards.grafana.board import Panel, board
from dashboards.grafana.choices import chosen
from dashboards.grafana.events import event_table
from dashboards.grafana.query import InfluxQuery, curve, select

_METER, _DEVICE, _SUBJECT = (chosen(tag, "meter") for tag in ("meter", "device", "subject"))
_PHASES = ("l1", "l2", "l3")
_REGISTERS = {
    "active_energy_import": "kwatth",
    "active_energy_export": "kwatth",
    "active_energy_generation": "kwatth",
    "heat_energy": "kwatth",
    "gas_volume": "m3",
    "water_volume": "m3",
}


def meter(basis: Basis) -> Dashboard:
    """One meter, chosen at the top, and the device that carries it."""
    sections = {"row_now": _now, "row_consumption": _consumption, "row_phases": _phases, "row_trust": _trust}
    return board(basis, "meter_board", sections, "meter")


def _now(basis: Basis) -> list[Panel]:
    return [
        _newest(basis, "meter_power", "watt", ["active_power", "active_power_generation", "heat_power"]),
        _newest(basis, "meter_flow", "m3h", ["volume_flow"]),
        _newest(basis, "meter_energy", "kwatth", [name for name, unit in _REGISTERS.items() if unit == "kwatth"]),
        _newest(basis, "meter_volume", "m3", [name for name, unit in _REGISTERS.items() if unit == "m3"]),
        _newest(basis, "meter_frequency", "hertz", ["frequency"]).decimals(2),
        _newest(basis, "meter_power_factor", "none", ["power_factor"]).decimals(2),
    ]


def _consumption(basis: Basis) -> list[Panel]:
    texts = basis.texts
    scored = [InfluxQuery(curve('max("anomaly_score")', "interval", _METER))]
    return [
        band(texts, "meter_profile", "none", _METER).span(16),
        look.curve(texts, "meter_score", "percentunit", scored).interval("15m").min(0).max(1).span(8),
    ]


def _phases(basis: Basis) -> list[Panel]:
    texts = basis.texts
    return [
        _curves(basis, "power_by_phase", "watt", [f"active_power_{phase}" for phase in _PHASES]),
        _curves(basis, "current_by_phase", "amp", [*(f"current_{phase}" for phase in _PHASES), "current_n"]),
        _curves(basis, "voltage_by_phase", "volt", [f"voltage_{phase}" for phase in _PHASES]),
        _curves(basis, "temperatures", "celsius", ["flow_temperature", "return_temperature"]),
        look.curve(
            texts,
            "register",
            "none",
            [
                InfluxQuery(curve(f'last("{name}")', "reading", _DEVICE), alias=f"{texts(name)} ({_SHORT[unit]})")
                for name, unit in _REGISTERS.items()
            ],
        ).interval("15m"),
    ]


_SHORT = {"kwatth": "kWh", "m3": "m³"}


def _trust(basis: Basis) -> list[Panel]:
    texts = basis.texts
    share = [InfluxQuery(curve('mean("completeness") * 100', "interval", _METER))]
    doubtful = InfluxQuery(select("/_status$/", "reading", _DEVICE, then="ORDER BY time DESC LIMIT 200"), shape="table")
    return [
        look.curve(texts, "meter_completeness", "percent", share).interval("15m").min(0).max(100).span(8),
        look.listing(texts, "meter_doubtful", doubtful).span(8).override_by_name("Time", [look.called(texts("time"))]),
        event_table(basis, _SUBJECT).span(8),
    ]


def _newest(basis: Basis, key: str, unit: str, fields: Iterable[str]) -> stat.Panel:
    """The newest value of whichever of the fields the device has."""
    targets = [
        InfluxQuery(select(f'last("{field}")', "reading", _DEVICE), alias=basis.texts(field)) for field in fields
    ]
    return look.figure(basis.texts, key, unit, *targets).graph_mode(BigValueGraphMode.NONE)


def _curves(basis: Basis, key: str, unit: str, fields: Iterable[str]) -> timeseries.Panel:
    targets = [InfluxQuery(curve(f'mean("{field}")', "reading", _DEVICE), alias=basis.texts(field)) for field in fields]
    return look.curve(basis.texts, key, unit, targets).interval("1m").span(8)
