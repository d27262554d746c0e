"""All dashboards of an estate as the JSON that Grafana reads."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from analytics.carbon.target import Target
from dashboards.grafana.basis import Basis
from dashboards.grafana.boards.anomalies import anomalies
from dashboards.grafana.boards.building import building
from dashboards.grafana.boards.carbon import carbon
from dashboards.grafana.boards.heat import heat
from dashboards.grafana.boards.meter import meter
from dashboards.grafana.boards.network import network_overview
from dashboards.grafana.boards.solar import solar
from dashboards.grafana.boards.trust import trust
from dashboards.grafana.boards.water import water
from metering.estate import Estate
from metering.texts import Language, Texts

Json = dict[str, Any]

DASHBOARDS: Mapping[str, Callable[[Basis], Dashboard]] = {
    "network-overview": network_overview,
    "building": building,
    "meter": meter,
    "solar": solar,
    "water": water,
    "heat": heat,
    "anomalies": anomalies,
    "co2": carbon,
    "data-quality": trust,
}
"""By file name. README.md says how to add one."""


def build(
    estate: Estate,
    timezone: str,
    language: Language = "de",
    web_url: str | None = None,
    target: Target | None = None,
) -> dict[str, Json]:
    """Every dashboard by its file name; the same estate gives the same JSON.

    timezone  an IANA name
    web_url   address of the web app, whose inbox dashboards link to
    target    the path that years are shown against
    """
    texts = Texts("dashboards.grafana", language)
    basis = Basis(estate, texts, timezone, web_url.rstrip("/") if web_url else None, target)
    return {name: _json(make(basis)) for name, make in DASHBOARDS.items()}


def _json(builder: Dashboard) -> Json:
    model = builder.build()
    for number, panel in enumerate(model.panels or [], 1):
        panel.id_val = number
    content: Json = json.loads(JSONEncoder().encode(model))
    for shown in content.get("panels", []):
        if shown.get("options", {}) is None:  # the SDK's null for "all defaults", which Grafana writes as {}
            shown["options"] = {}
    return content
