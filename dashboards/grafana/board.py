"""What all dashboards have in common: time, links to each other, events as annotations, rows of panels."""

from collections.abc import Callable, Mapping
from typing import Any

from grafana_foundation_sdk.builders.dashboard import AnnotationQuery, Dashboard, DashboardLink, Row
from grafana_foundation_sdk.models.dashboard import DashboardLinkType

from dashboards.grafana.basis import Basis
from dashboards.grafana.choices import Choice, chosen, variable
from dashboards.grafana.query import SOURCE, EventTarget

TAG = "leitwarte"

Panel = Any  # a panel builder; the SDK's have no common base
Section = Callable[[Basis], list[Panel]]


def board(basis: Basis, key: str, sections: Mapping[str, Section], choice: Choice, since: str = "now-24h") -> Dashboard:
    """A dashboard with the texts ``key`` and ``key_about``, about what is chosen at its top, and its events.

    sections  the panels of each row, by the key of its title; panels the estate has nothing for are left out, and
              rows without panels too
    """
    texts = basis.texts
    made = Dashboard(texts(key)).uid(uid(key)).description(texts(f"{key}_about")).tags([TAG]).readonly()
    made = made.timezone(basis.timezone).week_start("monday").time(since, "now").refresh("1m")
    here = chosen("subject" if choice == "meter" else "building", choice)
    events = AnnotationQuery().name(texts("events")).datasource(SOURCE).icon_color("orange")
    made = made.annotation(events.target(EventTarget(here)).enable(enable=True))
    made = made.link(
        DashboardLink(texts("dashboards"))
        .type(DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(True)
        .keep_time(True)
    )
    if basis.web_url is not None:
        inbox = DashboardLink(texts("inbox")).type(DashboardLinkType.LINK).url(f"{basis.web_url}/alerts").icon("bell")
        made = made.link(inbox.target_blank(True))
    made = made.with_variable(variable(basis, choice))
    for title, panels in sections.items():
        drawn = [panel for panel in panels(basis) if panel.build().targets]
        if drawn:
            made = made.with_row(Row(texts(title)))
            for panel in drawn:
                made = made.with_panel(panel)
    return made


def uid(key: str) -> str:
    """The address of a dashboard in Grafana; it never changes."""
    return f"leitwarte-{key.replace('_', '-')}"
