"""CO2: emissions by carrier and building, how much CO2 is in a kilowatt-hour, and the course of the year."""

from grafana_foundation_sdk.builders import bargauge
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models.common import VizOrientation

from dashboards.grafana import look, transform
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
    sections = {"row_sums": _sums, "row_days": _days, "row_year": _year, "row_matching": _matching}
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


def _matching(basis: Basis) -> list[Panel]:
    """What own plants covered at the moment it was used, day by day; only sites with a feed-in meter can know it."""
    ids = {
        "generated": basis.ids(Role.GENERATION, Carrier.ELECTRICITY),
        "fed_in": basis.ids(Role.FEED_IN, Carrier.ELECTRICITY),
        "drawn": basis.ids(Role.SUPPLY, Carrier.ELECTRICITY),
    }
    if not all(ids.values()):
        return []
    queries = [
        InfluxQuery(basis.by_day(f'sum("consumption") AS "{name}"', of_them, _HERE), shape="table")
        for name, of_them in ids.items()
    ]
    panel = look.daily_bars(basis.texts, "matching", "percentunit", queries).with_transformation(transform.joined())
    for name, left, operator, right in (
        ("own", "generated", "-", "fed_in"),
        ("used", "drawn", "+", "own"),
        ("matching", "own", "/", "used"),
    ):
        panel = panel.with_transformation(transform.calculated(name, left, operator, right))
    panel = panel.with_transformation(transform.only("^(Time|matching)$"))
    return [panel.override_by_name("matching", [look.called(basis.texts("matching"))]).min(0).max(1).span(24)]


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
