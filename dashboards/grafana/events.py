"""What the analysis reported, as a table."""

from grafana_foundation_sdk.builders import table

from dashboards.grafana import look
from dashboards.grafana.basis import Basis
from dashboards.grafana.query import NO_ERRORS, InfluxQuery, select

_COLUMNS = '"severity", "title", "kind", "subject", "building"'


def event_table(basis: Basis, condition: str) -> table.Panel:
    """The events that the condition leaves, newest first, with names for ids."""
    texts = basis.texts
    events = InfluxQuery(select(_COLUMNS, "event", NO_ERRORS, condition, then="ORDER BY time DESC"), shape="table")
    values = {
        "severity": {str(code): texts(f"severity_{code}") for code in range(3)},
        "building": basis.building_names,
        "subject": {**basis.device_names, **basis.meter_names},
    }
    panel = look.listing(texts, "event_list", events).override_by_name("Time", [look.called(texts("time"))])
    for field in ("title", "kind"):
        panel = panel.override_by_name(field, [look.called(texts(field))])
    for field, names in values.items():
        panel = panel.override_by_name(field, [look.called(texts(field)), look.mapped(names)])
    return panel
