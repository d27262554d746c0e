"""What all panels have in common: title, description, unit, what to say without data, colours, names."""

import re
from collections.abc import Iterable, Mapping
from typing import TypeVar

from grafana_foundation_sdk.builders import (
    barchart,
    bargauge,
    geomap,
    stat,
    statetimeline,
    table,
    timeseries,
    trend,
    xychart,
)
from grafana_foundation_sdk.builders.common import ReduceDataOptions, StackingConfig
from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
from grafana_foundation_sdk.models.common import GraphDrawStyle, StackingMode, VisibilityMode, VizOrientation
from grafana_foundation_sdk.models.dashboard import (
    DynamicConfigValue,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
)

from dashboards.grafana.query import SOURCE, InfluxQuery
from metering.texts import Texts

Panel = TypeVar(
    "Panel",
    timeseries.Panel,
    stat.Panel,
    table.Panel,
    bargauge.Panel,
    barchart.Panel,
    geomap.Panel,
    statetimeline.Panel,
    trend.Panel,
    xychart.Panel,
)

GREEN, YELLOW, RED, BLUE = "green", "yellow", "red", "blue"


_MEASURED_ALONE = re.compile(r'sum\("(consumption|emissions)"\)')
"""Sums without what registers counted over gaps, which has fields of its own: null if there are none, as any sum with
them would be."""


def dressed(panel: Panel, texts: Texts, key: str, unit: str, targets: Iterable[InfluxQuery]) -> Panel:
    """A panel with the texts ``key`` and ``key_about`` and its targets, each under a letter of its own."""
    targets = list(targets)
    about = texts(f"{key}_about")
    if any(_MEASURED_ALONE.search(target.query) for target in targets):
        about = f"{about.removesuffix('.')}. {texts('measured_alone')}"
    panel = panel.title(texts(key)).description(about).unit(unit).no_value(texts("no_data")).datasource(SOURCE)
    for number, target in enumerate(targets):
        target.ref_id = chr(ord("A") + number) if number < 26 else f"T{number}"
        panel = panel.with_target(target)
    return panel


def figure(texts: Texts, key: str, unit: str, *targets: InfluxQuery) -> stat.Panel:
    """A single large figure: the newest value."""
    panel = dressed(stat.Panel(), texts, key, unit, targets).reduce_options(reduced("lastNotNull"))
    return panel.height(5).span(4).thresholds(steps({None: BLUE}))


def curve(texts: Texts, key: str, unit: str, targets: Iterable[InfluxQuery]) -> timeseries.Panel:
    """Lines over time; a gap in the values stays a gap in the line."""
    panel = dressed(timeseries.Panel(), texts, key, unit, targets)
    return panel.show_points(VisibilityMode.NEVER).fill_opacity(8).height(9).span(12)


def daily_bars(texts: Texts, key: str, unit: str, targets: Iterable[InfluxQuery]) -> timeseries.Panel:
    """Stacked bars, one for each of the last 30 days whatever range is chosen."""
    panel = dressed(timeseries.Panel(), texts, key, unit, targets).draw_style(GraphDrawStyle.BARS)
    panel = panel.stacking(StackingConfig().mode(StackingMode.NORMAL).group("A")).fill_opacity(70).decimals(0)
    return panel.time_from("30d").interval("1d").height(9).span(12)


def gauges(
    texts: Texts, key: str, unit: str, targets: Iterable[InfluxQuery], colors: Mapping[float | None, str]
) -> bargauge.Panel:
    """A horizontal bar a series: its newest value."""
    panel = dressed(bargauge.Panel(), texts, key, unit, targets).reduce_options(reduced("lastNotNull"))
    return panel.orientation(VizOrientation.HORIZONTAL).thresholds(steps(colors))


def listing(texts: Texts, key: str, target: InfluxQuery, unit: str = "none") -> table.Panel:
    """A table."""
    return dressed(table.Panel(), texts, key, unit, [target]).height(10).span(12)


def steps(colors: Mapping[float | None, str]) -> ThresholdsConfig:
    """Thresholds by the value from which a colour holds; None is the lowest."""
    return (
        ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps([Threshold(at, color) for at, color in colors.items()])
    )


def named(panel: Panel, names: Mapping[str, str]) -> Panel:
    """Show series by the names people use instead of by their ids."""
    for id_, name in sorted(names.items()):
        panel = panel.override_by_name(id_, [called(name)])
    return panel


def called(name: str) -> DynamicConfigValue:
    """The name of a field."""
    return DynamicConfigValue("displayName", name)


def mapped(names: Mapping[str, str]) -> DynamicConfigValue:
    """Values shown by the names people use."""
    return DynamicConfigValue(
        "mappings", [ValueMap({id_: ValueMappingResult(text=text) for id_, text in names.items()})]
    )


def line(
    *, width: int, dash: list[int] | None = None, hide_from: Mapping[str, bool] | None = None, **custom: object
) -> list[DynamicConfigValue]:
    """How one line of a curve looks."""
    look_of_it = {"lineWidth": width, **custom}
    if dash is not None:
        look_of_it["lineStyle"] = {"fill": "dash", "dash": dash}
    if hide_from is not None:
        look_of_it["hideFrom"] = {"viz": False, **hide_from}
    return [DynamicConfigValue(f"custom.{key}", value) for key, value in look_of_it.items()]


def reduced(calculation: str, fields: str = "") -> ReduceDataOptions:
    return ReduceDataOptions().calcs([calculation]).fields(fields).values(values=False)
