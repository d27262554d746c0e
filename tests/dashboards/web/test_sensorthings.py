"""The estate as OGC SensorThings API 1.1. The rules quoted are those of the standard, OGC 18-088."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import frost_sta_client
import httpx
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from dashboards.web.access.rights import Role
from dashboards.web.sensorthings import options
from dashboards.web.sensorthings.entities import LINKS
from metering.instant import DAY, HOUR, isoformat, parse
from metering.quantities import QUANTITIES
from metering.texts import Texts
from tests.dashboards.web.conftest import NOW_US, USERS, Running, signed_in
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROOT = "/api/sensorthings/v1.1"
POWER = "Datastreams('rathaus-electricity.active_power')"

MANDATORY = {
    "Things": ("name", "description"),
    "Locations": ("name", "description", "encodingType", "location"),
    "Datastreams": ("name", "description", "observationType", "unitOfMeasurement"),
    "Sensors": ("name", "description", "encodingType", "metadata"),
    "ObservedProperties": ("name", "definition", "description"),
    "Observations": ("phenomenonTime", "resultTime", "result"),
    "FeaturesOfInterest": ("name", "description", "encodingType", "feature"),
}
"""Properties without which there is no entity (tables 4 to 20)."""


@pytest_asyncio.fixture(loop_scope="session")
async def client(web: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=web.url, timeout=PATIENCE_S) as found:
        yield found


async def get(client: httpx.AsyncClient, path: str, **query: str) -> dict[str, Any]:
    asked = {f"${name}": value for name, value in query.items()}
    answer = await client.get(f"{ROOT}/{path}", params=asked)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_the_root_lists_the_entity_sets_and_what_is_met(client: httpx.AsyncClient, web: Running) -> None:
    found = (await client.get(ROOT)).json()
    assert {entry["name"]: entry["url"] for entry in found["value"]} == {
        name: f"{web.url}{ROOT}/{name}" for name in LINKS
    }
    met = found["serverSettings"]["conformance"]
    assert "http://www.opengis.net/spec/iot_sensing/1.1/req/datamodel" in met
    assert not [name for name in met if "create" in name or "filter" in name]


async def test_every_entity_has_what_is_mandatory_and_every_link_leads_there(client: httpx.AsyncClient) -> None:
    for set_, names in MANDATORY.items():
        path = set_ if set_ != "Observations" else f"{POWER}/Observations"
        first = (await get(client, path, top="1"))["value"][0]
        assert set(names) <= first.keys(), set_
        own = await client.get(first["@iot.selfLink"])
        assert own.json() == first
        links = {key.split("@")[0] for key in first if key.endswith("@iot.navigationLink")}
        assert links == set(LINKS[set_])
        for link in links - {"Observations"}:
            there = await client.get(first[f"{link}@iot.navigationLink"])
            assert there.status_code == 200
            many = LINKS[set_][link] == link
            assert ("value" in there.json()) is many


async def test_units_are_those_of_ucum_and_every_quantity_has_one(client: httpx.AsyncClient) -> None:
    streams = {stream["@iot.id"]: stream for stream in (await get(client, "Datastreams", top="1000"))["value"]}
    energy = streams["kita-heat-m.consumption"]["unitOfMeasurement"]
    assert energy == {
        "name": "kilowatt hour",
        "symbol": "kWh",
        "definition": "http://www.opengis.net/def/uom/UCUM/kW.h",
    }
    assert streams["wache-gas-m.consumption"]["unitOfMeasurement"]["symbol"] == "m³"
    for language in ("de", "en"):
        for name in QUANTITIES:
            assert Texts("dashboards.web", language)(f"quantity.{name}")


async def test_observations_are_the_stored_values(client: httpx.AsyncClient) -> None:
    start, end = isoformat(NOW_US - DAY), isoformat(NOW_US - 20 * HOUR)
    asked = f"phenomenonTime ge {start} and phenomenonTime lt {end}"
    found = await get(client, f"{POWER}/Observations", filter=asked, count="true")
    rest = {"device": "rathaus-electricity", "quantity": "active_power", "start": start, "end": end}
    series = (await client.get("/api/v1/series", params=rest)).json()
    assert [row["result"] for row in found["value"]] == series["values"]
    assert [row["phenomenonTime"] for row in found["value"]] == series["times"]
    assert found["@iot.count"] == len(series["values"]) == 48


async def test_pages_follow_each_other_without_loss(client: httpx.AsyncClient) -> None:
    whole = await get(client, f"{POWER}/Observations", top="1000", skip="1000", orderby="phenomenonTime desc")
    seen, address = [], f"{ROOT}/{POWER}/Observations?$top=300&$orderby=phenomenonTime desc"
    while address:
        answer = (await client.get(address)).json()
        seen += [row["@iot.id"] for row in answer["value"]]
        address = answer.get("@iot.nextLink")
    assert len(set(seen)) == len(seen) > 2000
    assert seen[1000:2000] == [row["@iot.id"] for row in whole["value"]]
    times = [parse(row["phenomenonTime"]) for row in whole["value"]]
    assert times == sorted(times, reverse=True)
    oldest = await get(client, f"{POWER}/Observations", top="1")
    assert oldest["value"][0]["@iot.id"] == seen[-1]


async def test_doubtful_values_say_so(client: httpx.AsyncClient) -> None:
    found = await get(
        client, "Datastreams('schule-electricity.active_power')/Observations", top="200", orderby="phenomenonTime desc"
    )
    doubted = [row for row in found["value"] if row["parameters"]["quality"] == "suspect"]
    assert doubted
    assert {row["result"] for row in doubted} == {4.9e7}


async def test_expanding_as_map_clients_do(client: httpx.AsyncClient) -> None:
    newest = "Observations($top=1;$orderby=phenomenonTime desc)"
    found = await get(
        client,
        "Things",
        expand=f"Locations,Datastreams($select=name,unitOfMeasurement;$top=2;$count=true;$expand={newest})",
        filter="properties/usage eq 'school'",
    )
    (school,) = found["value"]
    assert school["Locations"][0]["location"] == {"type": "Point", "coordinates": [8.8083, 50.0889]}
    assert len(school["Datastreams"]) == 2 < school["Datastreams@iot.count"]
    assert school["Datastreams"][0].keys() >= {"name", "unitOfMeasurement", "Observations"}
    assert "description" not in school["Datastreams"][0]
    assert len(school["Datastreams"][0]["Observations"]) == 1
    following = (await client.get(school["Datastreams@iot.nextLink"])).json()
    assert following["value"][0]["name"] != school["Datastreams"][0]["name"]
    short = await get(client, "Datastreams", expand="Thing/Locations", top="1")
    assert short["value"][0]["Thing"]["Locations"][0]["location"]["type"] == "Point"


async def test_paths_to_single_properties(client: httpx.AsyncClient) -> None:
    assert (await get(client, "Things('kita')/name")) == {"name": "Kita Regenbogen"}
    assert (await client.get(f"{ROOT}/Things('kita')/name/$value")).text == "Kita Regenbogen"
    assert (await client.get(f"{ROOT}/Things(kita)/properties/usage/$value")).text == "kindergarten"
    assert (await get(client, f"{POWER}/Thing"))["@iot.id"] == "rathaus"
    links = (await get(client, f"{POWER}/Thing/Datastreams/$ref"))["value"]
    assert all(set(link) == {"@iot.selfLink"} for link in links)


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("Things('nirgends')", 404, "no Things('nirgends')"),
        ("Dinge", 404, "no 'Dinge'"),
        ("Things('kita')/Datastreams('bad-heat.heat_power')", 404, "no Datastreams"),
        (f"{POWER}/Observations('kita-electricity.active_power@1')", 404, "no Observations"),
        ("Things?$top=viele", 400, "whole number"),
        ("Things?$filter=nix eq 1", 400, "no 'nix'"),
        ("Things?$select=nix", 400, "no 'nix'"),
        ("Things?$expand=Datastreams(", 400, "brackets"),
        ("Things?$filter=startswith(name,'K')", 501, "comparisons"),
        ("Things?$search=x", 501, "$search"),
        ("Observations", 501, "one Datastream at a time"),
        (f"{POWER}/Observations?$filter=result gt 5", 501, "phenomenonTime"),
        ("Things?$expand=" + "Datastreams/Thing/" * 3 + "Locations", 501, "deeper"),
    ],
)
async def test_what_cannot_be_is_said_plainly(client: httpx.AsyncClient, path: str, status: int, said: str) -> None:
    answer = await client.get(f"{ROOT}/{path}")
    assert answer.status_code == status, answer.text
    assert said in answer.json()["message"]


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
async def test_nothing_can_be_written(client: httpx.AsyncClient, method: str) -> None:
    assert (await client.request(method, f"{ROOT}/Things")).status_code in (403, 405)


async def test_each_sees_what_the_account_may_see(closed: Running) -> None:
    nobody = httpx.AsyncClient(base_url=closed.url, timeout=PATIENCE_S)
    assert (await nobody.get(f"{ROOT}/Things")).status_code == 401
    office = await signed_in(closed.url, Role.CLIMATE_OFFICE)
    assert (await office.get(f"{ROOT}/Things")).status_code == 403  # load profiles are not for it
    manager = await signed_in(closed.url, Role.FACILITY_MANAGER)
    own = await get(manager, "Things", expand="Datastreams($top=1000)")
    assert {thing["@iot.id"] for thing in own["value"]} == set(USERS[Role.FACILITY_MANAGER] or ())
    streams = await get(manager, "Datastreams", top="1000")
    assert all(stream["@iot.id"].startswith(("kita", "bad")) for stream in streams["value"])
    foreign = await manager.get(f"{ROOT}/{POWER}/Observations")
    assert foreign.status_code == 404
    for client in (nobody, office, manager):
        await client.aclose()


async def test_the_client_of_the_reference_server_reads_it(web: Running) -> None:
    """FROST's own Python client, as a city's data platform would use it."""

    def read() -> tuple[list[str], list[float]]:
        service = frost_sta_client.SensorThingsService(f"{web.url}{ROOT}")
        things = service.things().query().top(2).list()
        names = [thing.name for thing in things]
        stream = service.datastreams().find("rathaus-electricity.active_power")
        newest = stream.get_observations().query().orderby("phenomenonTime", "desc").top(3).list()
        return names, [observation.result for observation in newest.entities]

    names, values = await asyncio.to_thread(read)
    assert len(names) == 5  # it follows the links to the next pages
    assert len(values) == 3


@given(st.text(alphabet="ab$()',;=/ 19eqnd", max_size=60))
async def test_no_query_does_worse_than_be_refused(text: str) -> None:
    for name in ("$filter", "$expand", "$orderby", "$select", "$top"):
        with contextlib.suppress(options.WrongQuestion, options.NotOffered):
            options.read({name: text})
