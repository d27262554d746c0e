"""Grafana transformations: what InfluxQL cannot say. Only those that Grafana 10 to 12 all have."""

from typing import Any

from grafana_foundation_sdk.models.dashboard import DataTransformerConfig as Step


def only(pattern: str) -> Step:
    """Keep the fields whose names match."""
    return Step("filterFieldsByName", options={"include": {"pattern": pattern}})


def ordered(field: str, *, descending: bool = False) -> Step:
    return Step("sortBy", options={"fields": {}, "sort": [{"field": field, "desc": descending}]})


def merged() -> Step:
    """One table of all queries."""
    return Step("merge", options={})


def joined() -> Step:
    """One table of all queries, with a row for each time that all of them have."""
    return Step("joinByField", options={"byField": "Time", "mode": "inner"})


def calculated(name: str, left: str, operator: str, right: str) -> Step:
    """A field from two others, or from one and a number."""
    binary = {"left": left, "operator": operator, "right": right}
    return Step("calculateField", options={"mode": "binary", "alias": name, "binary": binary})


def week_matrix(value: str, timezone: str) -> list[Step]:
    """The mean of ``value`` by hour of the day (rows) and ISO day of the week (columns 1 to 7), in local time."""
    as_times = [{"targetField": field, "destinationType": "time"} for field in ("weekday", "hour")]
    by = {"operation": "groupby", "aggregations": []}
    return [
        calculated("weekday", "Time", "*", "1"),
        calculated("hour", "Time", "*", "1"),
        Step("convertFieldType", options={"fields": {}, "conversions": as_times}),
        _formatted("weekday", "E", timezone),
        _formatted("hour", "HH", timezone),
        _grouped({"weekday": by, "hour": by, value: {"operation": "aggregate", "aggregations": ["mean"]}}),
        ordered("weekday"),
        Step(
            "groupingToMatrix", options={"columnField": "weekday", "rowField": "hour", "valueField": f"{value} (mean)"}
        ),
        ordered("hour\\weekday"),
    ]


def duration_curve(value: str) -> list[Step]:
    """The values from the highest to the lowest, over ``share`` (0..1) of the time."""
    rank = {"mode": "index", "alias": "share", "index": {"asPercentile": True}}
    return [ordered(value, descending=True), Step("calculateField", options=rank), only(f"^({value}|share)$")]


def _formatted(field: str, form: str, timezone: str) -> Step:
    options = {"timeField": field, "outputFormat": form, "useTimezone": True, "timezone": timezone}
    return Step("formatTime", options=options)


def _grouped(fields: dict[str, Any]) -> Step:
    return Step("groupBy", options={"fields": fields})
