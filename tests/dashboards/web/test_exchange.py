"""Meter exchanges: entered at the page after a look at what becomes of the day, and by the REST API."""

from collections.abc import Awaitable, Callable

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from analytics.exchange_book import ExchangeBook
from dashboards.web.access.accounts import Accounts
from dashboards.web.access.rights import Role
from metering.instant import QUARTER_HOUR, Window, parse
from metering.reading import Reading, Series
from tests.dashboards.web.conftest import NOW_US, SCREENSHOTS, Running, Visitor, signed_in
from tests.dashboards.web.test_doors import sign_in
from tests.patience import PATIENCE_S

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.server("chromium")]
Visit = Callable[..., Awaitable[Visitor]]

METER, REGISTER = "wache-gas-m", Series("wache-gas", "gas_volume")
MIDNIGHT_US, AT_US = parse("2026-03-26T23:00:00Z"), parse("2026-03-27T09:30:00Z")
ADDRESS = f"/api/v1/meters/{METER}/exchanges"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def end(closed: Running) -> float:
    """The gas meter was exchanged at 10:30 local time, the new one began at 0.4 m³: the last index of the old one."""
    samples = (await closed.store.samples([REGISTER], Window(AT_US, NOW_US)))[REGISTER]  # type: ignore[operator]
    old = dict(zip(samples.times_us.tolist(), samples.values.tolist(), strict=True))
    await closed.store.write(  # type: ignore[operator]
        [Reading(*REGISTER, round(0.4 + value - old[AT_US], 3), time_us) for time_us, value in old.items()]
    )
    return float(old[AT_US])


async def used(closed: Running, end: float) -> float:
    """Since midnight, in m³, as both meters counted."""
    last = NOW_US // QUARTER_HOUR * QUARTER_HOUR
    samples = (await closed.store.samples([REGISTER], Window(MIDNIGHT_US, last + 1)))[REGISTER]  # type: ignore[operator]
    return float(end - samples.values[0] + samples.values[-1] - 0.4)


async def test_the_page_shows_what_becomes_of_the_day_and_records(visit: Visit, closed: Running, end: float) -> None:
    visitor = await visit(at=closed)
    page = await visitor.open(f"/meter/{METER}")
    await sign_in(page, Role.OPERATOR)
    await page.get_by_role("link", name="Zählerwechsel eintragen").click()
    await expect(page.locator("h1")).to_have_text("Zählerwechsel")
    await fill(page, "Tag des Wechsels", "2026-03-28")
    await fill(page, "Uhrzeit", "10:30")
    await fill(page, "Letzter Stand des alten Zählers", f"{end}")
    await fill(page, "Erster Stand des neuen Zählers", "0.4")
    await page.get_by_role("button", name="Prüfen").click()
    await expect(page.get_by_text("Dieser Zeitpunkt liegt noch vor uns.")).to_be_visible()
    await fill(page, "Tag des Wechsels", "2026-03-27")
    await page.get_by_role("button", name="Prüfen").click()
    await expect(page.get_by_text("Bitte die Nummer des neuen Zählers angeben.")).to_be_visible()
    await fill(page, "Nummer des neuen Zählers", "7GWF 0042")
    await page.get_by_role("button", name="Prüfen").click()
    becomes = page.locator(".tile", has_text="mit dem Wechsel")
    wanted = f"{await used(closed, end):.1f}".replace(".", ",")
    await expect(becomes).to_contain_text(wanted)
    await expect(page.locator(".tile", has_text="bisher")).not_to_contain_text(wanted)
    await expect(page.locator(".remark")).to_have_count(0)
    await page.screenshot(path=SCREENSHOTS / "exchange-preview-desktop-light.png", full_page=True)
    await page.get_by_role("button", name="Eintragen").click()
    await expect(page.get_by_text("neuer Zähler 7GWF 0042 ab 0,40")).to_be_visible()

    book = ExchangeBook(closed.alerts.database)
    (entry,) = book.standing(METER)
    assert (entry.exchange.time_us, entry.exchange.end, entry.who) == (AT_US, end, "operator")
    await page.get_by_role("button", name="Zurücknehmen").click()
    await expect(page.get_by_text("noch kein Wechsel eingetragen")).to_be_visible()
    assert book.standing(METER) == []
    accounts = Accounts(f"sqlite:///{closed.settings.accounts}")
    assert [(line.who, line.action) for line in accounts.log()[:2]] == [
        ("operator", "exchange withdrawn"),
        ("operator", "exchange recorded"),
    ]
    accounts.close()


async def fill(page: Page, label: str, text: str) -> None:
    await page.get_by_label(label).fill(text)


async def test_an_index_below_what_was_read_is_pointed_out(visit: Visit, closed: Running, end: float) -> None:
    page = await (await visit(390, 844, at=closed, theme="dark")).open(f"/meter/{METER}/exchange")
    await sign_in(page, Role.OPERATOR)
    await fill(page, "Tag des Wechsels", "2026-03-27")
    await fill(page, "Uhrzeit", "10:30")
    await fill(page, "Letzter Stand des alten Zählers", f"{end - 1000}")
    await fill(page, "Nummer des neuen Zählers", "7GWF 0042")
    await page.get_by_role("button", name="Prüfen").click()
    await expect(page.get_by_text("liegt unter dem zuletzt gelesenen")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390


async def test_exchanges_by_rest(closed: Running, end: float) -> None:
    note = {"time": "2026-03-27T10:30:00+01:00", "end": end, "start": 0.4, "serial": "7GWF 0042"}
    client = await signed_in(closed.url, Role.OPERATOR)
    client.headers["Origin"] = closed.url
    dry = (await client.post(ADDRESS, json={**note, "dry_run": True})).json()
    assert dry["recorded"] is None
    assert dry["day"]["becomes"] == pytest.approx(await used(closed, end), abs=0.01)
    assert (await client.get(ADDRESS)).json() == []
    recorded = (await client.post(ADDRESS, json=note)).json()["recorded"]
    assert (await client.get(ADDRESS)).json() == [recorded]
    assert (recorded["who"], recorded["time"]) == ("operator", "2026-03-27T09:30:00Z")
    for wrong in ({"time": "2027-01-01T00:00:00Z"}, {"end": -1}, {"serial": " "}):
        assert (await client.post(ADDRESS, json={**note, **wrong})).status_code == 422
    when = {"time": note["time"]}
    assert (await client.delete(ADDRESS, params=when)).status_code == 200
    assert (await client.delete(ADDRESS, params=when)).status_code == 404
    assert (await client.get("/api/v1/meters/none/exchanges")).status_code == 404
    await client.aclose()
    async with httpx.AsyncClient(timeout=PATIENCE_S) as nobody:
        assert (await nobody.post(closed.url + ADDRESS, json=note)).status_code == 401
