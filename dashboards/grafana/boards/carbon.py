"""CO2: emissions by carrier and building, how much CO2 is in a kilowatt-hour, and the course of the year."""

from grafana_foundation_sdk.builders import bargauge
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models.common import VizOrientation

from dashboards.grafana import look
from dashboards.grafana.basis import Basis
from dashboards.grafana.board import Panel, board
from dashboards.grafana.choices import chosen
from dashboards.grafana.query import InfluxQuery, joined, total
from metering.estate import Carrier, Role

_HERE = chosen("meter", "site")
_EMITTING = (Carrier.ELECTRICITY, Carrier.HEAT, Carrier.GAS)
_GRAMS = 1000


def carbon(basis: Basis) -> Dashboard:
    """By the factor set of the settings; the report says which, this dashboard only draws."""
    sections = {"row_sums": _sums, "row_days": _days, "row_year": _year}
    return board(basis, "carbon_board", sections, "site", "now-30d")


def _sums(basis: Basis) -> list[Panel]:
    texts = basis.texts
    emitted = total("emissions", basis.emitting, _HERE)
    return [
        look.figure(texts, "co2_today", "masskg", InfluxQuery(emitted)).time_from("now/d").span(6),
        look.figure(texts, "co2_month", "masskg", InfluxQuery(emitted)).time_from("now/M").span(6),
        look.figure(texts, "co2_year", "masskg", InfluxQuery(emitted)).time_from("now/y").span(6),
        look.figure(texts, "co2_range", "masskg", InfluxQuery(emitted)).span(6),
    ]


def _days(basis: Basis) -> list[Panel]:
    texts = basis.texts
    by_carrier = {carrier: ids for carrier in _EMITTING if (ids := basis.ids(Role.SUPPLY, carrier))}
    daily = [
        InfluxQuery(basis.by_day('sum("emissions")', ids, _HERE), alias=texts(carrier.value))
        for carrier, ids in by_carrier.items()
    ]
    grams = f'sum("emissions") / sum("consumption") * {_GRAMS}'
    intensity = [
        InfluxQuery(basis.by_day(grams, ids, _HERE), alias=texts(carrier.value))
        for carrier, ids in by_carrier.items()
        if carrier.unit == "kWh"
    ]
    return [
        look.daily_bars(texts, "co2_by_carrier", "masskg", daily),
        look.curve(texts, "co2_intensity", "g/kWh", intensity).time_from("30d").interval("1d"),
    ]


def _year(basis: Basis) -> list[Panel]:
    texts = basis.texts
    daily = basis.by_day('sum("emissions") AS "each"', basis.emitting, _HERE)
    course = joined('cumulative_sum(sum("each"))', f"({daily})", ["$timeFilter"], "GROUP BY time(1d) fill(none)")
    names = basis.building_names
    by_building = [
        InfluxQuery(total("emissions", ids, _HERE), alias=names[building])
        for building, ids in basis.emitting_by_building.items()
    ]
    shares = look.dressed(bargauge.Panel(), texts, "co2_by_building", "masskg", by_building)
    return [
        look.curve(texts, "co2_course", "masskg", [InfluxQuery(course)]).time_from("now/y").interval("1d"),
        shares.orientation(VizOrientation.HORIZONTAL)
        .thresholds(look.steps({None: look.BLUE}))
        .min(0)
        .height(9)
        .span(12),
    ]
