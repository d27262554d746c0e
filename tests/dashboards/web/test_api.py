"""The REST API, the health page and what every answer carries."""

import asyncio
import csv
import io
import json
import re
from collections.abc import AsyncIterator

import httpx
import pyarrow.parquet as pq
import pytest
import pytest_asyncio
from jsonschema import Draft202012Validator
from starlette.types import Message
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from dashboards.settings import WebSettings
from dashboards.web.app import WebApp
from dashboards.web.security import LONGEST_BODY, bounded
from metering.instant import DAY, from_datetime, isoformat
from metering.localtime import LocalCalendar
from storage.embedded.store import EmbeddedStore
from tests.dashboards.web.conftest import NOW_US, Running, estate
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def client(web: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=web.url, timeout=PATIENCE_S) as found:
        yield found


def series(**change: str) -> dict[str, str]:
    window = {"start": isoformat(NOW_US - DAY), "end": isoformat(NOW_US)}
    return {"device": "schule-electricity", "quantity": "active_power", **window, **change}


async def test_the_estate(client: httpx.AsyncClient) -> None:
    assert len((await client.get("/api/v1/sites")).json()) == 4
    assert len((await client.get("/api/v1/buildings", params={"site": "bieber"})).json()) == 2
    meters = (await client.get("/api/v1/meters", params={"carrier": "gas"})).json()
    assert [(meter["id"], meter["unit"]) for meter in meters] == [("wache-gas-m", "m³")]


async def test_devices_with_their_latest_values(client: httpx.AsyncClient) -> None:
    devices = {device["id"]: device for device in (await client.get("/api/v1/devices")).json()}
    assert devices["kita-heat"]["state"] == "silent"
    assert devices["kita-heat"]["error"] == "no answer within 3 s"
    assert devices["kita-heat"]["error_until"] is None
    register = next(value for value in devices["bad-heat"]["latest"] if value["quantity"] == "heat_energy")
    assert register["unit"] == "kWh"
    assert register["time"] == "2026-03-27T13:37:18Z"


async def test_series_as_stored_and_in_buckets(client: httpx.AsyncClient) -> None:
    stored = (await client.get("/api/v1/series", params=series())).json()
    assert len(stored["times"]) == len(stored["values"]) == len(stored["qualities"]) > 280
    hourly = (await client.get("/api/v1/series", params=series(step_s="3600", how="max"))).json()
    assert len(hourly["values"]) == 25
    assert hourly["unit"] == "W"
    assert max(hourly["values"]) < 1e6  # the suspect ones are left out
    used = (await client.get("/api/v1/series", params=series(device="wache-gas-m", quantity="consumption"))).json()
    assert used["unit"] == "m³"


async def test_a_series_as_file_is_the_same_series(client: httpx.AsyncClient) -> None:
    asked = series(step_s="3600")
    answer = (await client.get("/api/v1/series", params=asked)).json()
    as_csv = await client.get("/api/v1/series", params={**asked, "format": "csv"})
    rows = list(csv.DictReader(io.StringIO(as_csv.text)))
    assert [(row["time"], float(row["value"])) for row in rows] == [
        *zip(answer["times"], answer["values"], strict=True)
    ]
    assert {(row["unit"], row["device"]) for row in rows} == {("W", "schule-electricity")}
    assert "schule-electricity-active_power.csv" in as_csv.headers["content-disposition"]
    as_parquet = await client.get("/api/v1/series", params={**asked, "format": "parquet"})
    table = pq.read_table(io.BytesIO(as_parquet.content))
    assert table["value"].to_pylist() == answer["values"]
    assert [isoformat(from_datetime(time)) for time in table["time"].to_pylist()] == answer["times"]
    assert table.schema.metadata[b"unit"] == b"W"


@pytest.mark.parametrize("format_", ["json", "csv", "parquet"])
async def test_an_unchanged_series_is_not_sent_again(client: httpx.AsyncClient, format_: str) -> None:
    asked = series(format=format_)
    tag = (await client.get("/api/v1/series", params=asked)).headers["etag"]
    again = await client.get("/api/v1/series", params=asked, headers={"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    other = await client.get("/api/v1/series", params={**asked, "quantity": "consumption"})
    assert other.headers["etag"] != tag


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"device": "nobody"}, 404, "unknown device or meter"),
        ({"quantity": "activ_power"}, 404, "unknown quantity"),
        ({"end": "2020-01-01T00:00:00Z"}, 422, "ends"),
        ({"start": "2026-03-27T00:00:00"}, 422, "timezone"),
        ({"start": "2000-01-01T00:00:00Z", "step_s": "1"}, 422, "larger step_s"),
        ({"stepp_s": "1"}, 422, "stepp_s"),
    ],
)
async def test_bad_questions_are_answered_with_the_remedy(
    client: httpx.AsyncClient, change: dict[str, str], status: int, said: str
) -> None:
    answer = await client.get("/api/v1/series", params=series(**change))
    assert answer.status_code == status
    assert said in answer.text


async def test_alerts_without_who_did_what(client: httpx.AsyncClient, web: Running) -> None:
    web.alerts.comment(web.alert, "Erika Mustermann", "gesehen", NOW_US)
    listed = await client.get("/api/v1/alerts")
    (alert,) = listed.json()
    assert (alert["id"], alert["severity"], alert["excess_eur"]) == (web.alert, "warning", 99.97)
    one = await client.get(f"/api/v1/alerts/{web.alert}")
    assert one.json() == alert
    assert "Mustermann" not in listed.text + one.text
    assert (await client.get("/api/v1/alerts/none")).status_code == 404


async def test_alerts_are_acted_on(client: httpx.AsyncClient, web: Running) -> None:
    address = f"/api/v1/alerts/{web.alert}/actions"

    async def act(**body: object) -> httpx.Response:
        return await client.post(address, json={"who": "leitstand", **body})

    assert (await act(action="acknowledge")).json()["state"] == "acknowledged"
    assert (await act(action="mute", hours=2)).json()["muted_until"] is not None
    assert (await act(action="unmute")).json()["muted_until"] is None
    assert (await act(action="assign", assignee="kl")).status_code == 200
    assert (await act(action="false_alarm")).json()["verdict"] == "false_alarm"
    assert (await act(action="resolve", text="Ventil zu")).json()["state"] == "resolved"
    assert (await act(action="reopen")).json()["state"] == "open"
    assert (await act(action="comment", text=" ")).status_code == 422
    assert (await act(action="explode")).status_code == 422
    assert (await client.post("/api/v1/alerts/none/actions", json={"action": "resolve"})).status_code == 404
    assert {entry.who for entry in web.alerts.get(web.alert).history[-7:]} == {"leitstand"}


async def test_health_follows_the_store(client: httpx.AsyncClient, web: Running) -> None:
    well = await client.get("/health")
    assert (well.status_code, well.json()) == (200, {"status": "ok", "store": "ok", "outbox": 3})
    web.store.is_down = True
    try:
        ill = await client.get("/api/v1/series", params=series())
        assert (ill.status_code, "Traceback" in ill.text) == (503, False)
    finally:
        web.store.is_down = False


async def test_health_does_not_wait_for_a_store_that_hangs(client: httpx.AsyncClient, web: Running) -> None:
    web.store.answers.clear()
    try:
        while (ill := await client.get("/health")).status_code == 200:  # noqa: ASYNC110 - a moment ago it answered
            await asyncio.sleep(0.1)
        assert (ill.status_code, ill.json()["store"]) == (503, "unavailable")
    finally:
        web.store.answers.set()


async def test_openapi_needs_no_other_server(client: httpx.AsyncClient) -> None:
    document = (await client.get("/api/openapi.json")).json()
    assert {"/v1/sites", "/v1/devices", "/v1/series", "/v1/alerts"} <= set(document["paths"])
    assert document["openapi"].startswith("3.1")
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    references = set(re.findall(r'"\$ref": "#/components/schemas/(\w+)"', json.dumps(document)))
    assert references <= set(document["components"]["schemas"])
    operations = [each["operationId"] for path in document["paths"].values() for each in path.values()]
    assert len(set(operations)) == len(operations)
    for path in ("/docs", "/redoc", "/api/docs", "/openapi.json"):
        assert (await client.get(path)).status_code == 404


@pytest.mark.parametrize("path", ["/", "/api/v1/sites", "/health", "/nirgends"])
async def test_every_answer_carries_the_security_headers(client: httpx.AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers
    assert "frame-ancestors 'self'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert "uvicorn" not in headers.get("server", "")


async def test_other_sites_cannot_write(client: httpx.AsyncClient) -> None:
    answer = await client.post("/_nicegui_ws/socket.io/", headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403


async def test_a_body_that_is_too_long_is_not_taken_in(client: httpx.AsyncClient, web: Running) -> None:
    """Whether it says its length before or not."""
    told = await client.post("/api/v1/alerts/x/comment", content=b"x" * (LONGEST_BODY + 1), headers={"Origin": web.url})
    assert told.status_code == 413

    async def endless() -> Message:
        return {"type": "http.request", "body": b"x" * (1 << 16), "more_body": True}

    receive, taken = bounded(endless), 0
    while (message := await receive())["type"] == "http.request":
        taken += len(message["body"])
        assert taken <= LONGEST_BODY


async def test_other_sites_cannot_open_a_socket(web: Running) -> None:
    address = web.url.replace("http", "ws") + "/_nicegui_ws/socket.io/?EIO=4&transport=websocket"
    async with connect(address, origin=Origin(web.url)):
        pass
    with pytest.raises(InvalidStatus):
        await connect(address, origin=Origin("https://evil.example"))


@pytest.mark.parametrize("to", ["https://evil.example", "//evil.example", "/\\evil.example"])
async def test_a_choice_leads_back_into_the_app_only(client: httpx.AsyncClient, to: str) -> None:
    answer = await client.get("/preferences", params={"language": "en", "to": to})
    assert answer.headers["location"] == "/"
    assert "httponly" in answer.headers["set-cookie"].lower()


async def test_a_port_that_is_taken_is_named(web: Running, store: EmbeddedStore) -> None:
    port = int(web.url.rsplit(":", 1)[1])
    second = WebApp(store, estate(), web.alerts, WebSettings(port=port), "de", web.clock, LocalCalendar())
    with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}"):
        await second.run()
