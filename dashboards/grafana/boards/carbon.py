"""CO2: emissions by carrier and building, how much CO2 is in a kilowatt-hour, and the course of the year."""

from collections.abc import Iterator

from grafana_foundation_sdk.builders import trend
from grafana_foundation_sdk.builders.common import VizLegendOptions
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models.common import LegendDisplayMode, LegendPlacement
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from analytics.carbon.target import Target
from dashboards.grafana import look, transform
from dashboards.grafana.basis import Basis
from dashboards.grafana.board import Panel, board
from dashboards.grafana.choices import chosen
from dashboards.grafana.query import InfluxQuery, is_one_of, joined, total
from metering.estate import Carrier, Role
from metering.instant import isoformat
from metering.localtime import LocalCalendar

_HERE = chosen("meter", "site")
_EMITTING = (Carrier.ELECTRICITY, Carrier.HEAT, Carrier.GAS)
_GRAMS = 1000
_KG_PER_T = 1000


def carbon(basis: Basis) -> Dashboard:
    """By the factor set of the settings; the report says which, this dashboard only draws."""
    sections = {
        "row_sums": _sums,
        "row_days": _days,
        "row_year": _year,
        "row_target": _target,
        "row_matching": _matching,
    }
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


def _target(basis: Basis) -> list[Panel]:
    """The path and the years of all buildings, whatever is chosen: it is a path of all of them together.

    InfluxQL has no calendar years and no rows of constants: each year is a query of its own, a constant is the sum of
    something times 0.
    """
    if basis.target is None or not basis.emitting:
        return []
    names = {"path": basis.texts("target_path"), "emitted": basis.texts("emissions")}
    panel = look.dressed(trend.Panel(), basis.texts, "target", "masst", _years(basis, basis.target)).x_field("year")
    for step in (transform.only("^(year|path|emitted)$"), transform.merged(), transform.ordered("year")):
        panel = panel.with_transformation(step)
    dashed = [*look.line(width=2, dash=[8, 6], spanNulls=True), look.called(names["path"])]
    bars = [*look.line(width=1, drawStyle="bars", fillOpacity=60), look.called(names["emitted"])]
    year = [look.called(basis.texts("year")), DynamicConfigValue("unit", "none"), DynamicConfigValue("decimals", 0)]
    panel = panel.override_by_name("path", dashed).override_by_name("emitted", bars).override_by_name("year", year)
    legend = VizLegendOptions().show_legend(True).display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM)
    return [panel.legend(legend).time_from("90d").min(0).height(10).span(24)]


def _years(basis: Basis, target: Target) -> Iterator[InfluxQuery]:
    """A row of year and t CO2e for each corner of the path, each year that is known, and each that may be computed."""
    corners = {year: float(target.share(year)) for year in (target.base_year, *target.reductions)}
    known = {year: float(kg) / _KG_PER_T for year, kg in target.known_kg.items()}
    base = known.get(target.base_year)
    for year, share in corners.items():
        if base is None:
            yield _row(
                basis, year, f'sum("emissions") * {share / _KG_PER_T} AS "path"', *_within(basis, target.base_year)
            )
        else:
            yield _row(basis, year, f'sum("emissions") * 0 + {base * share} AS "path"', "$timeFilter")
    for year in target.years:
        if year in known:
            yield _row(basis, year, f'sum("emissions") * 0 + {known[year]} AS "emitted"', "$timeFilter")
        else:
            yield _row(basis, year, f'sum("emissions") / {_KG_PER_T} AS "emitted"', *_within(basis, year))


def _row(basis: Basis, year: int, what: str, *when: str) -> InfluxQuery:
    which = f'sum("emissions") * 0 + {year} AS "year"'
    of_all = is_one_of("meter", basis.emitting)
    return InfluxQuery(joined(f"{which}, {what}", '"interval"', [*when, of_all], ""), shape="table")


def _within(basis: Basis, year: int) -> tuple[str, str]:
    """The conditions that a time is in the local calendar year."""
    window = LocalCalendar(basis.timezone).year(year)
    return f"time >= '{isoformat(window.start_us)}'", f"time < '{isoformat(window.end_us)}'"


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
    shares = look.gauges(texts, "co2_by_building", "masskg", by_building, {None: look.BLUE})
    return [
        look.curve(texts, "co2_course", "masskg", [InfluxQuery(course)]).time_from("now/y").interval("1d"),
        shares.min(0).height(9).span(12),
    ]
