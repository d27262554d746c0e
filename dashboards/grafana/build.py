"""All dashboards of an estate as the JSON that Grafana reads."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards.grafana.overview import network_overview
from metering.estate import Estate
from metering.texts import Language, Texts

Json = dict[str, Any]

DASHBOARDS: Mapping[str, Callable[[Estate, Texts], Dashboard]] = {"network-overview": network_overview}
"""By file name. README.md says how to add one."""


def build(estate: Estate, language: Language = "de") -> dict[str, Json]:
    """Every dashboard by its file name; the same estate gives the same JSON."""
    texts = Texts("dashboards.grafana", language)
    return {name: _json(make(estate, texts)) for name, make in DASHBOARDS.items()}


def _json(builder: Dashboard) -> Json:
    model = builder.build()
    for number, panel in enumerate(model.panels or [], 1):
        panel.id_val = number
    content: Json = json.loads(JSONEncoder().encode(model))
    return content
