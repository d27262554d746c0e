"""Dashboards as JSON and as files for Grafana's provisioning."""

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from analytics.carbon.target import Target
from dashboards.grafana.build import DASHBOARDS, Json, build
from dashboards.grafana.provision import FOLDER_UID, Access, write
from dashboards.grafana.query import SOURCE_UID
from dashboards.grafana.rules import rule_group
from device_sim.town import Town
from metering.estate import Building, Carrier, Device, Estate, Meter, Role, Site
from metering.texts import LANGUAGES, Language
from storage.settings import InfluxSettings

CORE_TYPES = {"row", "stat", "timeseries", "table", "bargauge", "geomap", "trend", "xychart", "state-timeline"}
"""What Grafana 10, 11 and 12 ship without a plugin."""
TOWN = Town(7, 0).estate
RULES = rule_group(FOLDER_UID)
ACCESS = Access(version=2, database="leitwarte")


TARGET = Target(2023, {2030: Decimal("0.65"), 2045: Decimal(1)}, {2023: Decimal(2_000_000)}, "Beschluss")


@pytest.fixture(scope="module", params=LANGUAGES)
def dashboards(request: pytest.FixtureRequest) -> dict[str, Json]:
    return build(TOWN, "Europe/Berlin", request.param, target=TARGET)


def panels(dashboard: Json) -> list[Json]:
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def test_dashboards_are_complete(dashboards: dict[str, Json]) -> None:
    assert set(dashboards) == set(DASHBOARDS)
    for dashboard in dashboards.values():
        assert dashboard["schemaVersion"] >= 36
        assert dashboard["timezone"] == "Europe/Berlin"
        assert 0 < len(dashboard["uid"]) <= 40
        ids = [panel["id"] for panel in dashboard["panels"]]
        assert len(set(ids)) == len(ids)
        assert {panel["type"] for panel in dashboard["panels"]} <= CORE_TYPES


def test_every_panel_says_what_it_shows(dashboards: dict[str, Json]) -> None:
    for dashboard in dashboards.values():
        assert len(panels(dashboard)) >= 4
        for panel in panels(dashboard):
            defaults = panel["fieldConfig"]["defaults"]
            assert panel["title"]
            assert panel["description"]
            assert defaults["unit"]
            assert defaults["noValue"]
            assert panel["datasource"] == {"type": "influxdb", "uid": SOURCE_UID}
            letters = [target["refId"] for target in panel["targets"]]
            assert len(set(letters)) == len(letters) > 0
            assert not re.search(r"\{\w+\}", panel["title"].replace("${", ""))


def test_sums_say_that_they_are_of_what_was_measured(dashboards: dict[str, Json]) -> None:
    """What registers counted over gaps has fields of its own, which no sum in InfluxQL can take in."""
    told = 0
    for panel in (panel for dashboard in dashboards.values() for panel in panels(dashboard)):
        queries = " ".join(target["query"] for target in panel["targets"])
        if 'sum("consumption")' in queries or 'sum("emissions")' in queries:
            assert re.search("was ein Zähler über Lücken|what a meter counted over gaps", panel["description"])
            told += 1
    assert told > 20


def test_options_are_what_every_grafana_reads(dashboards: dict[str, Json]) -> None:
    """Null is none of Grafana's options, and Grafana 11 draws nothing of an XY chart whose mapping is not named."""
    every = [panel for dashboard in dashboards.values() for panel in panels(dashboard)]
    assert all(isinstance(panel["options"], dict) for panel in every)
    (scatter,) = [panel for panel in every if panel["type"] == "xychart"]
    assert scatter["options"]["seriesMapping"] == "auto"
    for panel in every:
        for target in panel["targets"]:
            assert target["resultFormat"] == "table" or not panel["transformations"], panel["title"]


def test_panels_do_not_overlap(dashboards: dict[str, Json]) -> None:
    for dashboard in dashboards.values():
        taken: set[tuple[int, int]] = set()
        for panel in dashboard["panels"]:
            place = panel["gridPos"]
            columns, rows = range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
            cells = {(column, row) for column in columns for row in rows}
            assert max(columns) < 24
            assert not cells & taken, panel["title"]
            taken |= cells


def test_languages_differ_in_words_only() -> None:
    german, english = (build(TOWN, "Europe/Berlin", language)["network-overview"] for language in get_args(Language))
    assert german["title"] == "Netzübersicht"
    assert english["title"] == "Network overview"

    def queries(dashboard: Json) -> list[str]:
        return [target["query"] for panel in panels(dashboard) for target in panel["targets"]]

    assert queries(german) == queries(english)


def test_alerts_lead_to_the_inbox_of_a_known_web_app() -> None:
    boards = build(TOWN, "Europe/Berlin", web_url="https://leitwarte.example.org/")
    for board in boards.values():
        assert "https://leitwarte.example.org/alerts" in [link["url"] for link in board["links"]]
    for name in ("anomalies", "network-overview"):
        assert "https://leitwarte.example.org/alerts/${__data.fields.id}" in json.dumps(boards[name])
    assert "/alerts" not in json.dumps(build(TOWN, "Europe/Berlin"))


def test_an_estate_without_anything_has_dashboards_too() -> None:
    for dashboard in build(Estate(), "Europe/Berlin").values():
        (variable,) = dashboard["templating"]["list"]
        assert variable["query"] == ("alle Standorte : .+" if variable["name"] == "site" else "")


def test_the_sdk_model_knows_all_of_the_json(dashboards: dict[str, Json]) -> None:
    """The model is generated from Grafana's published schema: what is not in the schema would be lost on the way."""
    for dashboard in dashboards.values():
        read = Dashboard.from_json({key: value for key, value in dashboard.items() if key != "annotations"})
        again = json.loads(JSONEncoder().encode(read))
        known = {key: value for key, value in dashboard.items() if key != "annotations"}
        assert {key: value for key, value in again.items() if key in known} == known


def test_choices_lead_to_all_that_belongs_to_them() -> None:
    boards = build(TOWN, "Europe/Berlin")
    options = choices(boards["building"])
    assert set(options) == {building.name for building in TOWN.buildings.values()}
    for building in TOWN.buildings.values():
        chosen = re.compile(f"^{options[building.name]}$")
        assert chosen.match(building.id)
        for meter in TOWN.meters.values():
            assert bool(chosen.match(meter.id)) == (meter.building == building.id)
        for device in TOWN.devices.values():
            assert bool(chosen.match(device.id)) == (device.building == building.id)
    for meter in TOWN.meters.values():
        chosen = re.compile(f"^{choices(boards['meter'])[meter.name]}$")
        assert {id_ for id_ in TOWN.devices if chosen.match(id_)} == {meter.device}
        assert {id_ for id_ in TOWN.meters if chosen.match(id_)} == {meter.id}


def choices(dashboard: Json) -> dict[str, str]:
    (variable,) = dashboard["templating"]["list"]
    return dict(option.split(" : ") for option in re.split(r"(?<!\\), ", variable["query"]))


def test_odd_names_and_ids_are_escaped() -> None:
    estate = Estate.of(
        [Site("s", "Ort")],
        [Building("b", "Haus, alt : neu", "s", "office")],
        [Device("d/1", "Zähler 'A'", 60.0, "b")],
        [Meter("m.1", "Strom, Haupt", "b", Carrier.ELECTRICITY, Role.SUPPLY, "d/1", "active_energy_import")],
    )
    boards = build(estate, "Europe/Berlin")
    (variable,) = boards["meter"]["templating"]["list"]
    assert variable["query"] == r"Strom\, Haupt : (d\/1|m\.1)"
    conditions = {target["query"] for panel in panels(boards["network-overview"]) for target in panel["targets"]}
    assert any(r'"device" =~ /^(d\/1)$/' in query for query in conditions)
    assert any(r'"meter" =~ /^(m\.1)$/' in query for query in conditions)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_provisioning_files_are_what_grafana_reads(tmp_path: Path) -> None:
    (tmp_path / "leitwarte").mkdir()
    (tmp_path / "leitwarte" / "old.json").write_text("{}")
    written = write(tmp_path, build(TOWN, "Europe/Berlin"), ACCESS, RULES)
    assert (
        {str(path.relative_to(tmp_path)) for path in written}
        == set(files(tmp_path))
        == {
            "datasources/leitwarte.yaml",
            "dashboards/leitwarte.yaml",
            "alerting/leitwarte.yaml",
            *(f"leitwarte/{name}.json" for name in DASHBOARDS),
        }
    )
    (source,) = yaml.safe_load((tmp_path / "datasources" / "leitwarte.yaml").read_text())["datasources"]
    assert (source["type"], source["uid"], source["url"]) == ("influxdb", SOURCE_UID, "${INFLUX_URL}")
    assert source["jsonData"]["version"] == "InfluxQL"
    assert source["secureJsonData"] == {"httpHeaderValue1": "Token $__file{/run/secrets/influx_token}"}
    (provider,) = yaml.safe_load((tmp_path / "dashboards" / "leitwarte.yaml").read_text())["providers"]
    assert provider["options"]["path"] == "${GF_PATHS_PROVISIONING}/leitwarte"
    before = files(tmp_path)
    write(tmp_path, build(TOWN, "Europe/Berlin"), ACCESS, RULES)
    assert files(tmp_path) == before


@pytest.mark.parametrize(
    ("settings", "secrets"),
    [
        ({"version": 1}, {}),
        ({"version": 1, "username": "grafana", "password": "geheim"}, {"password": "${INFLUX_PASSWORD}"}),
        (
            {"version": 2, "org": "o", "token": "geheim"},
            {"httpHeaderValue1": "Token $__file{/run/secrets/influx_token}"},
        ),
        ({"version": 3, "token": "geheim"}, {"httpHeaderValue1": "Bearer $__file{/run/secrets/influx_token}"}),
    ],
)
def test_secrets_are_named_and_never_written(settings: dict[str, Any], secrets: dict[str, str], tmp_path: Path) -> None:
    store = InfluxSettings.model_validate({"kind": "influxdb", "url": "http://localhost:8086", **settings})
    access = Access.to(store)
    assert access.source()["secureJsonData"] == secrets
    write(tmp_path, build(TOWN, "Europe/Berlin"), access, RULES)
    assert not any(b"geheim" in content for content in files(tmp_path).values())


def test_alert_rules_in_files_survive_the_expansion_of_variables(tmp_path: Path) -> None:
    write(tmp_path, {}, ACCESS, RULES)
    (group,) = yaml.safe_load((tmp_path / "alerting" / "leitwarte.yaml").read_text())["groups"]
    assert (group["name"], group["folder"], group["interval"]) == ("leitwarte", "Leitwarte", "60s")
    for rule in group["rules"]:
        query = rule["data"][0]["model"]["query"]
        assert "$$timeFilter" in query
        assert "$" not in query.replace("$$", "")
        assert {"orgID", "folderUID", "ruleGroup"}.isdisjoint(rule)


@pytest.mark.parametrize("language", LANGUAGES)
def test_alert_rules_are_complete(language: Language) -> None:
    rules = rule_group(FOLDER_UID, language)["rules"]
    assert len({rule["uid"] for rule in rules}) == len({rule["title"] for rule in rules}) == len(rules)
    for rule in rules:
        assert [step["refId"] for step in rule["data"]] == ["A", "B", "C"]
        assert rule["condition"] == "C"
        assert len(rule["uid"]) <= 40
    silent = next(rule for rule in rules if rule["uid"] == "leitwarte-gateway-silent")
    assert silent["noDataState"] == "Alerting"
