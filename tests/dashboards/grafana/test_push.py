"""Pushing to a server that keeps to Grafana's HTTP API for folders, data sources and dashboards.

No Grafana can be started here, so this server is written from its API reference: it authenticates, gives ids and
versions, answers 404 for what it does not have, and keeps secrets to itself.
"""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from dashboards.grafana.build import Json, build
from dashboards.grafana.provision import FOLDER_UID, Access
from dashboards.grafana.push import PushError, push
from dashboards.grafana.query import SOURCE_UID
from dashboards.grafana.rules import rule_group
from device_sim.town import Town
from tests.servers import free_port

TOKEN = "glsa_test"
RULE_PATH = "PUT /api/v1/provisioning/folder/leitwarte/rule-groups/leitwarte"
DASHBOARDS = build(Town(7, 0).estate, "Europe/Berlin")
RULES = rule_group(FOLDER_UID)
ACCESS = Access(version=1, database="leitwarte", url="http://influxdb:8086", username="grafana", password="secret")


class Grafana(ThreadingHTTPServer):
    """What it holds, and every request that changed something."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", free_port()), Handler)
        self.folders: dict[str, Json] = {}
        self.sources: dict[str, Json] = {}
        self.dashboards: dict[str, Json] = {}
        self.rules: dict[str, Json] = {}
        self.written: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


def _as_go_writes(minutes: str) -> str:
    """A duration as Grafana gives it back (model.Duration of prometheus/common): 0s and 1h, not 0m and 60m."""
    number = int(minutes.rstrip("ms"))
    return "0s" if number == 0 else f"{number // 60}h" if number % 60 == 0 else f"{number}m"


class Handler(BaseHTTPRequestHandler):
    server: Grafana

    def do_GET(self) -> None:
        match self._path():
            case ["folders"]:
                self._answer(200, list(self.server.folders.values()))
            case ["datasources", "uid", uid] if uid in self.server.sources:
                public = {key: value for key, value in self.server.sources[uid].items() if key != "secureJsonData"}
                self._answer(200, {**public, "id": 1, "orgId": 1, "secureJsonFields": {"password": True}})
            case ["dashboards", "uid", uid] if uid in self.server.dashboards:
                self._answer(200, self.server.dashboards[uid])
            case ["v1", "provisioning", "folder", _, "rule-groups", group] if group in self.server.rules:
                self._answer(200, self.server.rules[group])
            case _:
                self._answer(404, {"message": "not found"})

    def do_POST(self) -> None:
        body = self._body()
        match self._path():
            case ["folders"]:
                self.server.folders[body["uid"]] = {"id": 1, "uid": body["uid"], "title": body["title"]}
            case ["datasources"]:
                self.server.sources[body["uid"]] = body
            case ["dashboards", "db"]:
                assert body["folderUid"] in self.server.folders
                board = body["dashboard"]
                known = self.server.dashboards.get(board["uid"], {"dashboard": {"version": 0}})
                version = known["dashboard"]["version"] + 1
                stored = {**board, "id": 42, "version": version}
                self.server.dashboards[board["uid"]] = {"dashboard": stored, "meta": {"folderUid": body["folderUid"]}}
        self._answer(200, {"status": "success"})

    def do_PUT(self) -> None:
        body = self._body()
        stored = self.server.rules if "rule-groups" in self._path() else self.server.sources
        for rule in body.get("rules", []):
            rule["for"] = _as_go_writes(rule["for"])
        stored[self._path()[-1]] = body
        self._answer(200, {"message": "Datasource updated"})

    def _path(self) -> list[str]:
        return self.path.split("?", maxsplit=1)[0].removeprefix("/api/").split("/")

    def _body(self) -> Any:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self._allowed():
            self.server.written.append(f"{self.command} {self.path}")
        return body

    def _allowed(self) -> bool:
        return self.headers["Authorization"] == f"Bearer {TOKEN}"

    def _answer(self, status: int, content: object) -> None:
        if not self._allowed():
            status, content = 401, {"message": "Invalid API key"}
        encoded = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def grafana() -> Iterator[Grafana]:
    server = Grafana()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_second_push_changes_nothing(grafana: Grafana) -> None:
    first = push(grafana.url, TOKEN, DASHBOARDS, RULES, ACCESS)
    boards = [f"dashboard {name}" for name in sorted(DASHBOARDS)]
    assert first.changed == ["folder Leitwarte", "data source Leitwarte InfluxDB", *boards, "alert rules leitwarte"]
    assert grafana.written == [
        "POST /api/folders",
        "POST /api/datasources",
        *["POST /api/dashboards/db"] * len(boards),
        RULE_PATH,
    ]
    stored = grafana.dashboards["leitwarte-network-overview"]
    assert stored["meta"]["folderUid"] == FOLDER_UID
    assert stored["dashboard"].items() >= DASHBOARDS["network-overview"].items()
    assert grafana.sources[SOURCE_UID]["secureJsonData"] == {"password": "secret"}

    grafana.written.clear()
    second = push(grafana.url, TOKEN, DASHBOARDS, RULES, ACCESS)
    assert second.changed == []
    assert second.unchanged == first.changed
    assert grafana.written == []


def test_what_was_changed_by_hand_is_put_right(grafana: Grafana) -> None:
    push(grafana.url, TOKEN, DASHBOARDS, RULES, ACCESS)
    grafana.written.clear()
    grafana.dashboards["leitwarte-network-overview"]["dashboard"]["panels"][1]["title"] = "mine"
    grafana.sources[SOURCE_UID]["url"] = "http://elsewhere:8086"
    grafana.rules["leitwarte"]["rules"][0]["for"] = "9h"
    assert push(grafana.url, TOKEN, DASHBOARDS, RULES, ACCESS).changed == [
        "data source Leitwarte InfluxDB",
        "dashboard network-overview",
        "alert rules leitwarte",
    ]
    assert grafana.written == [f"PUT /api/datasources/uid/{SOURCE_UID}", "POST /api/dashboards/db", RULE_PATH]
    assert grafana.dashboards["leitwarte-network-overview"]["dashboard"]["version"] == 2


def test_without_access_the_data_source_is_left_alone(grafana: Grafana) -> None:
    push(grafana.url, TOKEN, DASHBOARDS, RULES)
    assert grafana.sources == {}


def test_a_wrong_token_is_said(grafana: Grafana) -> None:
    with pytest.raises(PushError, match=r"refused \(401\).*Is the token right"):
        push(grafana.url, "wrong", DASHBOARDS, RULES)
    assert grafana.written == []


def test_a_grafana_that_is_not_there_is_said() -> None:
    with pytest.raises(PushError, match="cannot be reached"):
        push(f"http://127.0.0.1:{free_port()}", TOKEN, DASHBOARDS, RULES)
