"""Files that Grafana reads at its start: the InfluxDB data source, and the dashboards in a folder.

No secret is in them: Grafana fills them in from its environment or from files (docs: Provision Grafana, variable
expansion).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from dashboards.grafana.build import Json
from dashboards.grafana.query import SOURCE_UID
from storage.settings import InfluxSettings

FOLDER = "Leitwarte"
FOLDER_UID = "leitwarte"


@dataclass(frozen=True, slots=True)
class Access:
    """How Grafana reaches InfluxDB. Each value may be an expression that Grafana expands, such as ``${NAME}``."""

    version: Literal[1, 2, 3]
    database: str
    url: str = "${INFLUX_URL}"
    token: str = "$__file{/run/secrets/influx_token}"  # noqa: S105  names a file, is no secret
    username: str = ""
    password: str = "${INFLUX_PASSWORD}"  # noqa: S105  names a variable, is no secret

    @classmethod
    def to(cls, settings: InfluxSettings) -> "Access":
        """To the store of these settings; address and secrets stay expressions, since Grafana may run elsewhere."""
        return cls(settings.version, settings.database, username=settings.username or "")

    def source(self) -> Json:
        """The data source as Grafana's API and its provisioning know it, speaking InfluxQL."""
        source: dict[str, Any] = {
            "name": "Leitwarte InfluxDB",
            "uid": SOURCE_UID,
            "type": "influxdb",
            "access": "proxy",
            "url": self.url,
            "isDefault": False,
            "jsonData": {"version": "InfluxQL", "dbName": self.database, "httpMode": "POST", "timeInterval": "10s"},
        }
        if self.version == 1:
            source |= {"user": self.username}
            source["secureJsonData"] = {"password": self.password} if self.username else {}
        else:
            scheme = "Token" if self.version == 2 else "Bearer"
            source["jsonData"] |= {"httpHeaderName1": "Authorization"}
            source["secureJsonData"] = {"httpHeaderValue1": f"{scheme} {self.token}"}
        return source


def write(folder: Path, dashboards: Mapping[str, Json], access: Access, group: Json) -> list[Path]:
    """Write what ``GF_PATHS_PROVISIONING`` may point to; returns the files. The same input gives the same bytes.

    group  of alert rules, as of `dashboards.grafana.rules.rule_group`

    ``datasources/``, ``dashboards/`` and ``alerting/`` are Grafana's names; the dashboards themselves lie in
    ``leitwarte/``. A dashboard that is no longer given is removed. Raises OSError if the folder cannot be written.
    """
    boards = folder / "leitwarte"
    files = {boards / f"{name}.json": _json(dashboard) for name, dashboard in dashboards.items()}
    files[folder / "datasources" / "leitwarte.yaml"] = _yaml({"datasources": [{**access.source(), "editable": False}]})
    files[folder / "dashboards" / "leitwarte.yaml"] = _yaml({"providers": [_provider()]})
    files[folder / "alerting" / "leitwarte.yaml"] = _yaml({"groups": [_group(group)]})
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    for path in set(boards.glob("*.json")) - set(files):
        path.unlink()
    return sorted(files)


def _provider() -> Json:
    return {
        "name": "leitwarte",
        "folder": FOLDER,
        "folderUid": FOLDER_UID,
        "type": "file",
        "disableDeletion": True,
        "allowUiUpdates": False,
        "options": {"path": "${GF_PATHS_PROVISIONING}/leitwarte"},
    }


def _group(group: Json) -> Json:
    """Files name a group, its folder and its pace otherwise than the API does, and expand variables ($$ is a $)."""
    rules = [
        {key: value for key, value in rule.items() if key not in ("orgID", "folderUID", "ruleGroup")}
        for rule in group["rules"]
    ]
    rules = json.loads(json.dumps(rules, ensure_ascii=False).replace("$", "$$"))
    return {"orgId": 1, "name": group["title"], "folder": FOLDER, "interval": f"{group['interval']}s", "rules": rules}


def _json(content: Json) -> str:
    return json.dumps(content, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def _yaml(content: Json) -> str:
    return yaml.safe_dump({"apiVersion": 1, **content}, sort_keys=False, allow_unicode=True)
