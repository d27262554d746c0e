"""Reports on the page and through the API."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import expect

from dashboards.web.access.rights import Role
from metering.event import Event, Severity
from metering.instant import parse
from tests.dashboards.web.conftest import Running, Visitor, readings, signed_in
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="session")
Visit = Callable[..., Awaitable[Visitor]]
MARCH = {"period": "2026-03", "rules": "UBA-16-2026"}


@pytest_asyncio.fixture(loop_scope="session")
async def client(web: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=web.url, timeout=PATIENCE_S) as found:
        yield found


async def test_figures_come_page_by_page_and_lead_down(client: httpx.AsyncClient) -> None:
    found, offset = [], 0
    while offset is not None:
        page = (await client.get("/api/co2/v1/figures", params={**MARCH, "offset": offset, "limit": 7})).json()
        found += page["figures"]
        offset = page["next_offset"]
    assert len(found) == page["total"] == len({figure["id"] for figure in found})
    whole = found[1]
    assert (whole["measure"], whole["place"], whole["unit"]) == ("emissions", "city", "kg CO2e")
    below = (await client.get(f"/api/co2/v1/figures/{whole['id']}")).json()
    assert below["figure"]["value"] == whole["value"]
    assert below["factors"][0]["document"]
    parts = [Decimal(part["value"]) for part in below["parts"] if part["value"] is not None]
    assert sum(parts) == Decimal(whole["value"])


async def test_the_way_down_names_a_meter_exchange(web: Running, client: httpx.AsyncClient) -> None:
    noon = parse("2026-03-21T11:00:00Z")
    title = "Zählerwechsel Hauptzähler Strom"
    await web.store.write_events(  # type: ignore[operator]
        [Event("exchange:test", noon, noon, "exchange", Severity.INFO, "wache-electricity-m", "wache", title)]
    )
    day = "UBA-16-2026/2026-03-21/energy/meter:wache-electricity-m/electricity/all"
    found = (await client.get(f"/api/co2/v1/figures/{day}")).json()
    assert found["exchanges"] == [{"time": "2026-03-21T11:00:00Z", "text": title}]
    assert found["readings"]["times"]


async def test_an_unchanged_answer_is_not_sent_again(client: httpx.AsyncClient) -> None:
    for path, query in (("figures", MARCH), ("report", {**MARCH, "format": "csv"})):
        first = await client.get(f"/api/co2/v1/{path}", params=query)
        tagged = {"If-None-Match": first.headers["etag"]}
        again = await client.get(f"/api/co2/v1/{path}", params=query, headers=tagged)
        assert (first.status_code, again.status_code, again.content) == (200, 304, b"")


@pytest.mark.parametrize(
    ("format_", "begins"),
    [("pdf", b"%PDF"), ("xlsx", b"PK"), ("html", b"<!doctype"), ("csv", b"\xef\xbb\xbf"), ("json", b"{")],
)
async def test_a_report_in_every_format(client: httpx.AsyncClient, format_: str, begins: bytes) -> None:
    answer = await client.get("/api/co2/v1/report", params={**MARCH, "format": format_, "scope": "building:bad"})
    assert answer.status_code == 200, answer.text
    assert answer.content.startswith(begins)
    assert f"co2-building-bad-2026-03.{format_}" in answer.headers["content-disposition"]


async def test_the_energy_report_of_a_building(client: httpx.AsyncClient) -> None:
    asked = {"period": "2026-03", "building": "bad"}
    answer = await client.get("/api/co2/v1/energy", params=asked)
    assert answer.content.startswith(b"%PDF"), answer.text
    assert "energy-bad-2026-03.pdf" in answer.headers["content-disposition"]
    again = await client.get("/api/co2/v1/energy", params=asked, headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    rows = (await client.get("/api/co2/v1/energy", params={**asked, "format": "json"})).json()["rows"]
    found = (await client.get("/api/co2/v1/figures", params={**MARCH, "scope": "building:bad"})).json()["figures"]
    whole = next(f for f in found if (f["measure"], f["carrier"], f["scope"]) == ("emissions", "electricity", "all"))
    power = next(row for row in rows if row["carrier"] == "Strom")
    assert power["upstream"] == pytest.approx(float(whole["value"]), abs=0.001)
    for change, status in (({"building": "nowhere"}, 404), ({"rules": "GHGP-LB"}, 422), ({"period": "soon"}, 422)):
        assert (await client.get("/api/co2/v1/energy", params={**asked, **change})).status_code == status, change


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"period": "last month"}, 422, "last month"),
        ({"period": "2099"}, 422, "2099"),
        ({"rules": "GUESS"}, 404, "unknown view 'GUESS'"),
        ({"scope": "building:nowhere"}, 404, "nowhere"),
        ({"format": "doc"}, 422, "format"),
    ],
)
async def test_bad_questions(client: httpx.AsyncClient, change: dict[str, str], status: int, said: str) -> None:
    answer = await client.get("/api/co2/v1/report", params={**MARCH, **change})
    assert answer.status_code == status
    assert said in answer.text


async def test_the_path_to_the_target(client: httpx.AsyncClient, closed: Running) -> None:
    found = (await client.get("/api/co2/v1/target")).json()
    assert (found["base_year"], found["aims"]) == (2023, {"2030": 65.0, "2045": 100.0})
    years = {year["year"]: year for year in found["years"]}
    assert list(years) == list(range(2023, 2046))
    assert years[2030]["path_kg"] == pytest.approx(840_000)
    assert years[2025] == {**years[2025], "emitted_kg": 2_300_000.0, "given": True, "completeness": None}
    computed = sum(each.value for each in readings() if each.quantity == "emissions")
    assert years[2026]["emitted_kg"] == pytest.approx(computed)
    assert years[2027]["emitted_kg"] is None
    async with contextlib.aclosing(await signed_in(closed.url, Role.FACILITY_MANAGER)) as manager:
        assert (await manager.get("/api/co2/v1/target")).json()["years"] == []
    async with contextlib.aclosing(await signed_in(closed.url, Role.CLIMATE_OFFICE)) as office:
        assert (await office.get("/api/co2/v1/target")).json() == found


async def test_a_figure_that_is_none(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/co2/v1/figures/what/is/this")).status_code == 422


async def test_a_choice_changes_preview_and_downloads(visit: Visit) -> None:
    page = await (await visit()).open("/reports")
    await page.get_by_label("Bereich").click()
    await page.get_by_role("option", name="Hallenbad Rosenhöhe").click()
    frame = page.frame_locator("iframe.preview")
    await expect(frame.locator("h1 + p")).to_contain_text("Hallenbad Rosenhöhe")
    await expect(page.locator('a.download[href*="building%3Abad"]')).to_have_count(5)
    await expect(frame.locator("main")).to_contain_text("ist hier (Hallenbad Rosenhöhe) kein Energieverbrauch bekannt")
    async with page.expect_download() as downloading:
        await page.get_by_role("link", name="Energiebericht des Gebäudes PDF").click()
    assert (await downloading.value).suggested_filename == "energy-bad-2026-02.pdf"
    await page.get_by_label("Bereich").click()
    await page.get_by_role("option", name="Stadt gesamt").click()
    await expect(page.get_by_text("Energiebericht des Gebäudes")).to_have_count(0)
