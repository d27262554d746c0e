"""Grafana alert rules as code, for what is a plain threshold. The rules are data: rules.yaml."""

from importlib.resources import files
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, model_validator

from dashboards.grafana.query import SOURCE_UID
from metering.strict import Strict
from metering.texts import Language, Texts

GROUP = "leitwarte"
_EVERY_S = 60
_MINUTE_S = 60
_EXPRESSION = "__expr__"  # Grafana's own data source for what is computed from queries

Json = dict[str, Any]


class Limits(Strict):
    """One of them; in the unit of the query."""

    above: float | None = None
    below: float | None = None
    outside: tuple[float, float] | None = None

    @model_validator(mode="after")
    def _one(self) -> "Limits":
        if len(self.model_fields_set) != 1:
            raise ValueError("name one of above, below, outside")
        return self

    @property
    def evaluator(self) -> Json:
        """As Grafana's threshold expression knows it."""
        if self.outside is not None:
            return {"type": "outside_range", "params": list(self.outside)}
        if self.above is not None:
            return {"type": "gt", "params": [self.above]}
        return {"type": "lt", "params": [self.below]}


class Rule(Strict):
    """An entry of rules.yaml."""

    query: str
    minutes: Annotated[int, Field(gt=0)]
    alert: Limits | Literal["silent"]
    for_: Annotated[int, Field(alias="for", ge=0, lt=60)]


def rules() -> dict[str, Rule]:
    """By name."""
    entries = yaml.safe_load(files("dashboards.grafana").joinpath("rules.yaml").read_text("utf-8"))
    return {name: Rule.model_validate(entry) for name, entry in entries.items()}


def rule_group(folder_uid: str, language: Language = "de") -> Json:
    """All rules as one group, in the shape of Grafana's provisioning API and files (docs: alerting provisioning)."""
    texts = Texts("dashboards.grafana", language)
    made = [_rule(name, rule, texts, folder_uid) for name, rule in rules().items()]
    return {"title": GROUP, "folderUid": folder_uid, "interval": _EVERY_S, "rules": made}


def _rule(name: str, rule: Rule, texts: Texts, folder_uid: str) -> Json:
    is_silence = rule.alert == "silent"
    # a query without rows is "no data", which for a sign of life is the alert itself
    limits = Limits(below=1) if isinstance(rule.alert, str) else rule.alert
    return {
        "uid": f"leitwarte-{name.replace('_', '-')}",
        "orgID": 1,
        "folderUID": folder_uid,
        "ruleGroup": GROUP,
        "title": texts(f"rule_{name}"),
        "condition": "C",
        "data": [_query(rule), _reduced(), _threshold(limits)],
        "noDataState": "Alerting" if is_silence else "OK",
        "execErrState": "Error",
        "for": f"{rule.for_}m" if rule.for_ else "0s",  # as Grafana gives it back; else each push were a change
        "annotations": {"summary": texts(f"rule_{name}"), "description": texts(f"rule_{name}_about")},
        "labels": {"origin": "leitwarte", "kind": name},
    }


def _query(rule: Rule) -> Json:
    model = {"refId": "A", "query": rule.query, "rawQuery": True, "resultFormat": "time_series"}
    return {
        "refId": "A",
        "datasourceUid": SOURCE_UID,
        "relativeTimeRange": {"from": rule.minutes * _MINUTE_S, "to": 0},
        "model": model,
    }


def _reduced() -> Json:
    return _computed("B", {"type": "reduce", "expression": "A", "reducer": "last", "settings": {"mode": "dropNN"}})


def _threshold(limits: Limits) -> Json:
    return _computed("C", {"type": "threshold", "expression": "B", "conditions": [{"evaluator": limits.evaluator}]})


def _computed(ref_id: str, model: Json) -> Json:
    return {
        "refId": ref_id,
        "datasourceUid": _EXPRESSION,
        "relativeTimeRange": {"from": 0, "to": 0},
        "model": {"refId": ref_id, **model},
    }
