"""How much, how deep and how often anybody may ask."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from dashboards.settings import WebSettings
from dashboards.web import api
from dashboards.web.access.accounts import Accounts
from dashboards.web.access.rate import Rate
from dashboards.web.access.rights import Role
from dashboards.web.sensorthings import answers
from dashboards.web.values import stretches
from metering.instant import DAY, SECOND, Window, isoformat
from metering.reading import Reading, Series
from storage.embedded.store import EmbeddedStore
from storage.settings import EmbeddedSettings
from tests.dashboards.web.conftest import NOW_US, Running, running
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def client(web: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=web.url, timeout=60) as found:
        yield found


@pytest.mark.parametrize("address", ["/api/v1/alerts/x/actions", "/api/v1/meters/schule-pv-m/exchanges"])
@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"a":' * 100_000, b"9" * 200_000, b"\xff\xfe\x00", b"null", b'""'])
async def test_a_body_that_is_deep_or_no_json_is_refused(client: httpx.AsyncClient, address: str, body: bytes) -> None:
    answer = await client.post(address, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 404, 422), answer.text


@pytest.mark.parametrize("length", ["-1", "1e3", "9" * 5000])
async def test_a_length_that_is_none_is_refused(web: Running, length: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(web.url.rsplit(":", 1)[1]))
    head = f"POST /api/v1/alerts/x/actions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n"
    writer.write(head.encode())
    assert re.match(rb"HTTP/1.1 4\d\d", await asyncio.wait_for(reader.readline(), PATIENCE_S))
    writer.close()


@pytest.mark.parametrize(
    "path",
    [
        "/Observations('schule-electricity:active_power@" + "9" * 30 + "')",
        "/Observations('schule-electricity:active_power@" + "9" * 5000 + "')",
        "/Datastreams?$skip=" + "9" * 30,
        "/Datastreams?$filter=" + "(" * 5000,
    ],
)
async def test_a_question_that_would_grow_is_refused(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(f"/api/sensorthings/v1.1{path}")
    assert answer.status_code in (400, 404, 501), answer.text[:500]


async def test_entities_inside_each_other_do_not_multiply(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = "/ObservedProperties?$expand=Datastreams/ObservedProperty/Datastreams/ObservedProperty/Datastreams"
    for most, status in ((10_000, 200), (300, 400)):
        monkeypatch.setattr(answers, "MOST_TOLD", most)
        assert (await client.get(f"/api/sensorthings/v1.1{path}")).status_code == status


async def test_who_asks_too_often_waits(store: EmbeddedStore, web: Running, tmp_path: Path) -> None:
    """Each account for itself, however many tokens it has; the pages go on."""
    del web
    settings = WebSettings(port=0, sign_in="local", accounts=tmp_path / "accounts.db", api_per_minute=3)
    with contextlib.closing(Accounts(f"sqlite:///{settings.accounts}")) as accounts:
        for name in ("map", "climate"):
            accounts.add(name, Role.ENGINEER, NOW_US, password=None, buildings=None, who="test")
        first, second, other = (
            accounts.new_token(name, "test", ["read:estate"], 1, NOW_US, who="test")
            for name in ("map", "map", "climate")
        )
    async with (
        running(store, tmp_path, settings) as closed,
        httpx.AsyncClient(base_url=closed.url, timeout=PATIENCE_S) as client,
    ):

        async def ask(token: str, **more: str) -> httpx.Response:
            return await client.get("/api/v1/sites", headers={"Authorization": f"Bearer {token}", **more})

        assert [(await ask(token)).status_code for token in (first, second, first)] == [200, 200, 200]
        said = await ask(second)
        assert (said.status_code, "Mehr als 3 Anfragen" in said.json()["detail"]) == (429, True)
        assert 0 < int(said.headers["retry-after"]) <= 20
        assert "More than 3 requests" in (await ask(first, Cookie="language=en")).json()["detail"]
        assert (await ask(other)).status_code == 200
        assert [(await ask("lw_guessed")).status_code for _ in range(4)] == [401, 401, 401, 429]
        assert (await client.get("/sign-in")).status_code == 200
        assert (await client.get("/health")).status_code == 200


@given(st.integers(1, 1000), st.lists(st.floats(0, 90), max_size=60))
async def test_no_minute_has_more_than_a_full_bucket_and_what_comes_back(per_minute: int, pauses: list[float]) -> None:
    now_s = 0.0
    rate = Rate(per_minute, lambda: now_s)
    made = 0
    for pause in pauses:
        now_s += pause
        while (wait := rate.wait_s("map")) == 0:
            made += 1
        assert 0 < wait <= 60 / per_minute * (1 + 1e-6)
        assert made <= per_minute * (1 + now_s / 60) + 1e-3
        assert rate.wait_s("map") == wait  # asking in vain makes it no longer
    assert not pauses or made >= per_minute


@pytest.mark.parametrize("newest_first", [False, True])
async def test_of_endless_values_a_stretch_is_read_at_a_time(tmp_path: Path, *, newest_first: bool) -> None:
    store = EmbeddedStore(EmbeddedSettings(path=tmp_path / "long.duckdb"))
    await store.start()
    times = np.arange(NOW_US - 6 * DAY, NOW_US, 10 * SECOND)
    await store.write([Reading("main", "voltage", 230.0, time) for time in times.tolist()])
    window, series = Window(int(times[5]), int(times[-5])), Series("main", "voltage")
    found = [part.times_us async for part in stretches(store, series, window, 10_000, newest_first=newest_first)]
    assert len(found) > 3
    assert max(map(len, found)) <= 10_000 + DAY // (10 * SECOND)
    assert np.array_equal(np.concatenate(found[:: -1 if newest_first else 1]), times[5:-5])
    assert [part async for part in stretches(store, Series("main", "current"), window, 10_000)] == []
    await store.close()


async def test_more_values_than_an_answer_holds_are_refused(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"device": "schule-electricity", "quantity": "active_power", "start": "0001-01-02T00:00:00Z"}
    asked["end"] = isoformat(NOW_US + DAY)
    whole = (await client.get("/api/v1/series", params=asked)).json()["times"]
    for most, status in ((len(whole), 200), (len(whole) - 1, 422)):
        monkeypatch.setattr(api, "MOST_VALUES", most)
        answer = await client.get("/api/v1/series", params=asked)
        assert answer.status_code == status
        assert status == 422 or answer.json()["times"] == whole
