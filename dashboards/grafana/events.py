"""What analysis and gateway reported, as a table."""

from grafana_foundation_sdk.builders import table
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from dashboards.grafana import look
from dashboards.grafana.basis import Basis
from dashboards.grafana.query import ALERTS, NO_ERRORS, InfluxQuery, select

_COLUMNS = '"severity", "title", "kind", "subject", "building", "id"'


def alert_table(basis: Basis, condition: str) -> table.Panel:
    """The alerts that the condition leaves, newest first; each leads to its page in the inbox."""
    title = [look.called(basis.texts("title"))]
    if basis.web_url is not None:
        address = f"{basis.web_url}/alerts/${{__data.fields.id}}"
        link = {"title": basis.texts("to_inbox"), "url": address, "targetBlank": True}
        title.append(DynamicConfigValue("links", [link]))
    return event_table(basis, f"{ALERTS} AND {condition}").override_by_name("title", title)


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
    panel = panel.override_by_name("id", [DynamicConfigValue("custom.hidden", True)])
    panel = panel.override_by_name("kind", [look.called(texts("kind"))])
    panel = panel.override_by_name("title", [look.called(texts("title"))])
    for field, names in values.items():
        panel = panel.override_by_name(field, [look.called(texts(field)), look.mapped(names)])
    return panel
