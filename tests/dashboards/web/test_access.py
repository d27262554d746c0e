"""Who may come in, and what they may see and do: every address for every role."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import nicegui
import pytest
import pytest_asyncio
from fastapi import FastAPI
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from dashboards.settings import WebSettings
from dashboards.web.access.accounts import Accounts
from dashboards.web.access.rights import ADDRESSES, HOMES, RIGHTS, Permission, Role, needed, undeclared
from metering.instant import DAY, isoformat
from tests.dashboards.web.conftest import NOW_US, PASSWORD, USERS, Running, signed_in
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="session")

EXAMPLES = {
    "/building/{building}": "/building/kita",
    "/meter/{meter}": "/meter/kita-electricity-m",
    "/meter/{meter}/exchange": "/meter/kita-electricity-m/exchange",
    "/api/v1/meters/{meter}/exchanges": "/api/v1/meters/kita-electricity-m/exchanges",
    "/api/v1/series": "/api/v1/series?device=kita-electricity&quantity=active_power"
    "&start=2026-03-26T00:00:00Z&end=2026-03-27T00:00:00Z",
    "/api/co2/v1/energy": "/api/co2/v1/energy?period=2026-03&building=kita&format=json",
    "/api/co2/v1/figures": "/api/co2/v1/figures?period=2026-03-26",
    "/api/co2/v1/report": "/api/co2/v1/report?period=2026-03-26&format=json",
    "/trace/{figure:path}": "/trace/UBA-16-2026/2026-03-26/energy/building:kita/heat/all",
    "/api/co2/v1/figures/{figure:path}": "/api/co2/v1/figures/UBA-16-2026/2026-03-26/energy/building:kita/heat/all",
}
READABLE = [address for address, needs in ADDRESSES.items() if needs.read is not None and "{rest" not in address]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def clients(closed: Running) -> AsyncIterator[dict[Role | None, httpx.AsyncClient]]:
    """A client of each role, and one of nobody (None)."""
    found: dict[Role | None, httpx.AsyncClient] = {None: httpx.AsyncClient(base_url=closed.url, timeout=PATIENCE_S)}
    for role in Role:
        found[role] = await signed_in(closed.url, role)
    yield found
    for client in found.values():
        await client.aclose()


async def test_every_address_of_the_app_is_in_the_table(closed: Running) -> None:
    del closed  # its making has registered all pages
    assert undeclared(nicegui.app.routes) == []
    assert undeclared([*FastAPI().routes]) == ["/openapi.json", "/docs", "/docs/oauth2-redirect", "/redoc"]


async def test_a_forgotten_address_is_found_through_routers_and_mounts() -> None:
    app, inner = FastAPI(openapi_url=None), FastAPI(openapi_url=None)
    inner.add_api_route("/v1/secrets", lambda: None)
    app.mount("/api", inner)
    assert undeclared(app.routes) == ["/api/v1/secrets"]


@pytest.mark.parametrize("role", [None, *Role])
@pytest.mark.parametrize("address", READABLE)
async def test_each_address_for_each_role(
    clients: dict[Role | None, httpx.AsyncClient], role: Role | None, address: str
) -> None:
    permission = ADDRESSES[address].read
    answer = await clients[role].get(EXAMPLES.get(address, address))
    may = permission in (RIGHTS[role] if role else {Permission.ANYONE})
    where = answer.headers.get("location", "")
    if may:
        assert answer.status_code in (200, 303), answer.text
        assert address == "/sign-in" or not where.startswith("/sign-in")
    elif address.startswith("/api/"):
        assert answer.status_code == (403 if role else 401)
    elif role is None:
        assert (answer.status_code, where.split("?")[0]) == (303, "/sign-in")
    elif address == "/":
        assert (answer.status_code, where) == (303, HOMES[role])
    else:
        assert answer.status_code == 403
        assert "Kein Zugriff" in answer.text


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("address", [address for address, needs in ADDRESSES.items() if needs.write is None])
async def test_nobody_writes_where_nothing_says_so(
    clients: dict[Role | None, httpx.AsyncClient], closed: Running, address: str, method: str
) -> None:
    assert needed(method, address) is None
    answer = await clients[Role.OPERATOR].request(
        method, EXAMPLES.get(address, address), headers={"Origin": closed.url}
    )
    assert answer.status_code in (403, 405)


async def test_facility_managers_see_their_buildings_only(
    clients: dict[Role | None, httpx.AsyncClient], closed: Running
) -> None:
    mine, all_ = clients[Role.FACILITY_MANAGER], clients[Role.ENGINEER]
    own = set(USERS[Role.FACILITY_MANAGER] or ())
    assert {building["id"] for building in (await mine.get("/api/v1/buildings")).json()} == own
    assert {meter["building"] for meter in (await mine.get("/api/v1/meters")).json()} == own
    assert {device["building"] for device in (await mine.get("/api/v1/devices")).json()} == own
    assert len((await mine.get("/api/v1/sites")).json()) == 2
    window = {"start": isoformat(NOW_US - DAY), "end": isoformat(NOW_US)}
    for device, quantity in (("schule-electricity", "active_power"), ("schule-electricity-m", "consumption")):
        query = {"device": device, "quantity": quantity, **window}
        assert (await mine.get("/api/v1/series", params=query)).status_code == 404
        assert (await all_.get("/api/v1/series", params=query)).status_code == 200
    assert (await all_.get("/api/v1/alerts")).json()[0]["building"] == "schule"
    assert (await mine.get("/api/v1/alerts")).json() == []
    assert (await mine.get(f"/api/v1/alerts/{closed.alert}")).status_code == 404
    assert (await all_.get(f"/api/v1/alerts/{closed.alert}")).status_code == 200
    for address in ("/building/schule", "/meter/schule-electricity-m"):
        answer = await mine.get(address)
        assert (answer.status_code, "Grundschule" in answer.text) == (404, False)


async def test_reports_of_a_facility_manager_hold_own_buildings_only(
    clients: dict[Role | None, httpx.AsyncClient],
) -> None:
    mine, all_ = clients[Role.FACILITY_MANAGER], clients[Role.CLIMATE_OFFICE]
    query = {"period": "2026-03-26", "limit": "1000"}
    seen = {figure["place"] for figure in (await mine.get("/api/co2/v1/figures", params=query)).json()["figures"]}
    whole = {figure["place"] for figure in (await all_.get("/api/co2/v1/figures", params=query)).json()["figures"]}
    buildings = {place for place in seen if place.startswith("building:")}
    assert buildings == {"building:kita", "building:bad"} < whole
    other = await mine.get("/api/co2/v1/report", params={**query, "scope": "building:schule", "format": "csv"})
    assert other.status_code in (404, 422)
    foreign = "UBA-16-2026/2026-03-26/energy/meter:schule-electricity-m/electricity/all"
    assert (await mine.get(f"/api/co2/v1/figures/{foreign}")).status_code == 404


async def test_the_climate_office_gets_no_load_profile(clients: dict[Role | None, httpx.AsyncClient]) -> None:
    figure = "/api/co2/v1/figures/UBA-16-2026/2026-03-26/energy/meter:kita-electricity-m/electricity/all"
    engineers = (await clients[Role.ENGINEER].get(figure)).json()
    offices = (await clients[Role.CLIMATE_OFFICE].get(figure)).json()
    assert len(engineers["intervals"]["values"]) == 96
    assert len(offices["intervals"]["values"]) == 1
    assert offices["intervals"]["values"][0] == pytest.approx(sum(engineers["intervals"]["values"]))
    assert len(offices["readings"]["values"]) <= 2
    assert offices["figure"] == engineers["figure"]


async def test_wrong_passwords_and_unknown_users_are_told_the_same(closed: Running) -> None:
    async with httpx.AsyncClient(base_url=closed.url, timeout=PATIENCE_S) as client:
        said = []
        for name in (Role.ENGINEER, "nobody at all"):
            fields = {"name": name, "password": "wrong", "to": "/"}
            answer = await client.post("/sign-in", data=fields, headers={"Origin": closed.url})
            assert answer.status_code == 401
            assert "set-cookie" not in answer.headers
            said.append(answer.text)
    assert said[0] == said[1]
    assert "stimmt nicht" in said[0]


async def test_guessing_becomes_slow_for_a_name_that_exists_or_not(closed: Running) -> None:
    async with httpx.AsyncClient(base_url=closed.url, timeout=PATIENCE_S) as client:
        fields = {"name": "guessed", "password": "wrong"}
        tries = [await client.post("/sign-in", data=fields, headers={"Origin": closed.url})]
        while tries[-1].status_code != 429 and len(tries) < 9:  # on a slow machine the first waits are over meanwhile
            tries.append(await client.post("/sign-in", data=fields, headers={"Origin": closed.url}))
    assert [answer.status_code for answer in tries[:5]] == [401] * 5
    assert tries[-1].status_code == 429
    assert int(tries[-1].headers["retry-after"]) >= 1


async def test_a_sign_in_needs_proof_that_it_comes_from_here(closed: Running) -> None:
    fields = {"name": Role.ENGINEER, "password": PASSWORD}
    async with httpx.AsyncClient(base_url=closed.url, timeout=PATIENCE_S) as client:
        for headers in ({}, {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
            assert (await client.post("/sign-in", data=fields, headers=headers)).status_code == 403
        answer = await client.post("/sign-in", data={**fields, "to": "//evil.example"}, headers={"Origin": closed.url})
    assert answer.headers["location"] == "/"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "secure" not in cookie  # over plain HTTP on this machine; over TLS see below


async def test_signing_out_ends_the_session_for_good(closed: Running) -> None:
    client = await signed_in(closed.url, Role.ENGINEER)
    cookie = client.cookies["session"]
    assert (await client.get("/api/v1/sites")).status_code == 200
    assert (await client.post("/sign-out")).status_code == 403  # without proof of origin
    assert (await client.post("/sign-out", headers={"Origin": closed.url})).status_code == 303
    client.cookies.set("session", cookie)
    assert (await client.get("/api/v1/sites")).status_code == 401
    await client.aclose()


async def test_a_socket_ends_with_the_session(closed: Running) -> None:
    address = closed.url.replace("http", "ws") + "/_nicegui_ws/socket.io/?EIO=4&transport=websocket"
    with pytest.raises(InvalidStatus):
        await connect(address, origin=Origin(closed.url))
    client = await signed_in(closed.url, Role.ENGINEER)
    cookie = {"Cookie": f"session={client.cookies['session']}"}
    async with connect(address, origin=Origin(closed.url), additional_headers=cookie) as socket:
        assert json.loads(str(await socket.recv())[1:])["sid"]
        await client.post("/sign-out", headers={"Origin": closed.url})
        await socket.send("40")
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(socket.recv(), PATIENCE_S)
    await client.aclose()


async def test_tokens_are_good_for_their_scopes_only(closed: Running) -> None:
    accounts = Accounts(f"sqlite:///{closed.settings.accounts}")
    now_us = closed.clock.now_us()
    token = accounts.new_token(Role.FACILITY_MANAGER, "test", ["read:alerts"], 1, now_us, who="test")
    old = accounts.new_token(Role.OPERATOR, "test", ["read:values"], 1, now_us - 2 * DAY, who="test")
    async with httpx.AsyncClient(
        base_url=closed.url, headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE_S
    ) as client:
        assert (await client.get("/api/v1/alerts")).json() == []
        assert len((await client.get("/api/v1/buildings")).json()) == 2
        assert (await client.get("/api/v1/devices")).status_code == 403
        assert (await client.get("/api/co2/v1/views")).status_code == 403
        assert (await client.get("/alerts")).status_code == 403
        accounts.revoke_token(accounts.tokens(Role.FACILITY_MANAGER)[0].id, now_us, who="test")
        await asyncio.sleep(2.1)
        assert (await client.get("/api/v1/alerts")).status_code == 401
    for wrong in (old, "lw_wrong"):
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {wrong}"}, timeout=PATIENCE_S) as client:
            answer = await client.get(f"{closed.url}/api/v1/devices")
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    accounts.close()


async def test_programs_act_in_the_name_of_their_owner(closed: Running) -> None:
    accounts = Accounts(f"sqlite:///{closed.settings.accounts}")
    now_us = closed.clock.now_us()
    answers = {}
    for role in (Role.ENGINEER, Role.FACILITY_MANAGER):
        for scope in ("write:alerts", "read:alerts"):
            token = accounts.new_token(role, "test", [scope], 1, now_us, who="test")
            async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE_S) as client:
                body = {"action": "comment", "text": "geprüft", "who": "somebody else"}
                answer = await client.post(f"{closed.url}/api/v1/alerts/{closed.alert}/actions", json=body)
            answers[role, scope] = answer.status_code
    accounts.close()
    assert answers == {
        (Role.ENGINEER, "write:alerts"): 200,
        (Role.ENGINEER, "read:alerts"): 403,
        (Role.FACILITY_MANAGER, "write:alerts"): 404,  # of a building that is not theirs
        (Role.FACILITY_MANAGER, "read:alerts"): 403,
    }
    last = closed.alerts.get(closed.alert).history[-1]
    assert (last.action, last.who, last.text) == ("commented", Role.ENGINEER, "geprüft")


async def test_operators_see_by_rest_what_their_pages_show(clients: dict[Role | None, httpx.AsyncClient]) -> None:
    client = clients[Role.OPERATOR]
    letters = (await client.get("/api/v1/operation/set-aside")).json()
    assert {letter["reason"] for letter in letters} == {"no number", "range"}
    for language, said in (("de", "Messwerte in der"), ("en", "keep readings in the")):
        settings = (await client.get("/api/v1/operation/settings", params={"lang": language})).json()
        assert settings["does"][0].startswith(said)
    factors = (await client.get("/api/v1/operation/factors")).json()["factors"]
    assert all(factor["publisher"] and float(factor["g_per_kwh"]) > 0 for factor in factors)
    assert (await client.get("/api/v1/operation/log")).json()[0]["action"]


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "energie.example.de"])
async def test_without_sign_in_the_app_stays_on_its_machine(host: str) -> None:
    with pytest.raises(ValueError, match="sign_in: local"):
        WebSettings(host=host)
    assert WebSettings(host=host, sign_in="local").host == host
    assert WebSettings(host=host, behind_proxy=True).host == host


async def test_without_sign_in_no_foreign_name_leads_here(web: Running) -> None:
    async with httpx.AsyncClient(headers={"Host": "rebound.example"}, timeout=PATIENCE_S) as client:
        answer = await client.get(f"{web.url}/api/v1/sites")
    assert answer.status_code == 421
