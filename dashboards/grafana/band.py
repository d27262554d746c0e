"""Consumption against what was expected, with the range that was to be expected as a band."""

from grafana_foundation_sdk.builders import timeseries
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from dashboards.grafana import look
from dashboards.grafana.query import InfluxQuery, curve
from metering.texts import Texts

_FIELDS = {
    "measured": "consumption",
    "expected": "expected",
    "expected_lower": "expected_lower",
    "expected_range": "expected_upper",
}


def band(texts: Texts, key: str, unit: str, *conditions: str, factor: int = 1) -> timeseries.Panel:
    """Of the meters that the conditions leave, each quarter-hour's mean times ``factor``."""
    targets = [
        InfluxQuery(curve(f'mean("{field}") * {factor}', "interval", *conditions), alias=texts(name))
        for name, field in _FIELDS.items()
    ]
    return (
        dashed(look.curve(texts, key, unit, targets).interval("15m"), texts)
        .override_by_name(texts("expected_lower"), look.line(width=0, hide_from={"legend": True, "tooltip": False}))
        .override_by_name(
            texts("expected_range"), look.line(width=0, fillBelowTo=texts("expected_lower"), fillOpacity=18)
        )
    )


def dashed(panel: timeseries.Panel, texts: Texts) -> timeseries.Panel:
    """What was expected as a dashed line beside what was measured."""
    thick = [DynamicConfigValue("custom.lineWidth", 2)]
    panel = panel.fill_opacity(0).override_by_name(texts("measured"), thick)
    return panel.override_by_name(texts("expected"), look.line(dash=[8, 6], width=1))
