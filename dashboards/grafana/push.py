"""Dashboards into a running Grafana through its HTTP API; what is there already stays untouched."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from grafana_client.api import GrafanaApi
from grafana_client.client import GrafanaClientError, GrafanaException
from niquests.exceptions import RequestException

from dashboards.grafana.build import Json
from dashboards.grafana.provision import FOLDER, FOLDER_UID, Access

Api = Any  # grafana-client has no types


class PushError(Exception):
    """Grafana cannot be reached or refused; the message says what to do."""


@dataclass(slots=True)
class Pushed:
    """What a push changed, and what was as it should be."""

    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)


def push(url: str, token: str, dashboards: Mapping[str, Json], group: Json, access: Access | None = None) -> Pushed:
    """Bring folder, dashboards, alert rules and (with ``access``, in plain values) the data source up to date. Blocks.

    token  of a service account that may edit dashboards and alert rules, which is the role Editor since Grafana 11
           (https://grafana.com/whats-new/2024-04-04-rbac-for-alert-rule-provisioning-apis); with ``access`` an Admin's
    group  of alert rules, as of `dashboards.grafana.rules.rule_group`

    Pushing the same again changes nothing, so dashboards get no needless versions. Grafana never gives a stored
    secret back: one that changed on its own is not noticed. Raises PushError.
    """
    pushed = Pushed()
    try:
        grafana: Api = GrafanaApi.from_url(url, token)
        _note(pushed, f"folder {FOLDER}", changed=_ensure_folder(grafana))
        if access is not None:
            source = access.source()
            _note(pushed, f"data source {source['name']}", changed=_ensure_source(grafana, source))
        for name, dashboard in sorted(dashboards.items()):
            _note(pushed, f"dashboard {name}", changed=_ensure_dashboard(grafana, dashboard))
        _note(pushed, f"alert rules {group['title']}", changed=_ensure_rules(grafana, group))
    except GrafanaException as error:
        raise PushError(f"Grafana at {url} refused ({error.status_code}): {error.message}. {_remedy(error)}") from error
    except (RequestException, OSError) as error:
        raise PushError(f"Grafana at {url} cannot be reached: {error}") from error
    return pushed


def _note(pushed: Pushed, what: str, *, changed: bool) -> None:
    (pushed.changed if changed else pushed.unchanged).append(what)


def _ensure_folder(grafana: Api) -> bool:
    if any(folder["uid"] == FOLDER_UID for folder in grafana.folder.get_all_folders()):
        return False
    grafana.folder.create_folder(FOLDER, FOLDER_UID)
    return True


def _ensure_source(grafana: Api, source: Json) -> bool:
    public = {key: value for key, value in source.items() if key != "secureJsonData"}
    try:
        stored = grafana.datasource.get_datasource_by_uid(source["uid"])
    except GrafanaClientError as error:
        if error.status_code != 404:
            raise
        grafana.datasource.create_datasource(source)
        return True
    if _contains(stored, public):
        return False
    grafana.datasource.update_datasource_by_uid(source["uid"], source)
    return True


def _ensure_dashboard(grafana: Api, dashboard: Json) -> bool:
    try:
        stored = grafana.dashboard.get_dashboard(dashboard["uid"])
    except GrafanaClientError as error:
        if error.status_code != 404:
            raise
        stored = None
    if stored and stored["meta"].get("folderUid") == FOLDER_UID and _contains(stored["dashboard"], dashboard):
        return False
    grafana.dashboard.update_dashboard({"dashboard": dashboard, "folderUid": FOLDER_UID, "overwrite": True})
    return True


def _ensure_rules(grafana: Api, group: Json) -> bool:
    try:
        stored = grafana.alertingprovisioning.get_rule_group(FOLDER_UID, group["title"])
    except GrafanaClientError as error:
        if error.status_code != 404:
            raise
        stored = None
    if stored and _contains(stored, group):
        return False
    grafana.alertingprovisioning.update_rule_group(FOLDER_UID, group["title"], group, disable_provenance=True)
    return True


def _contains(stored: object, wanted: object) -> bool:
    """Whether everything wanted is stored as it is wanted; what Grafana adds of its own does not matter."""
    if isinstance(stored, dict) and isinstance(wanted, dict):
        return all(key in stored and _contains(stored[key], value) for key, value in wanted.items())
    if isinstance(stored, list) and isinstance(wanted, list):
        return len(stored) == len(wanted) and all(map(_contains, stored, wanted))
    return stored == wanted


def _remedy(error: GrafanaException) -> str:
    match error.status_code:
        case 401:
            return "Is the token right, and not expired?"
        case 403:
            return "Give the token's service account the role Editor (Admin before Grafana 11)."
        case 412:
            return "A provisioned dashboard cannot be pushed: use one of the two ways only."
    return ""
