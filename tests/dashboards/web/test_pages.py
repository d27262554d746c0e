"""What people see, in a real browser on the real app and store. The browser is in New York, the times are not."""

from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Page, expect

from analytics.alerts.alert import State
from metering.reading import Reading
from tests.dashboards.web.conftest import SCREENSHOTS, Running, Visitor

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.server("chromium")]
Visit = Callable[..., Awaitable[Visitor]]

PAGES = {
    "overview": "/",
    "alerts": "/alerts",
    "building": "/building/schule",
    "meter": "/meter/schule-electricity-m",
    "devices": "/devices",
    "co2": "/co2",
    "reports": "/reports",
}


async def tile(page: Page, label: str) -> str:
    found = page.locator(".tile", has=page.locator(".tile-label", has_text=label)).first
    return " ".join((await found.inner_text()).split())


@pytest.mark.parametrize(
    ("device", "size", "theme"), [("desktop", (1440, 900), "light"), ("phone", (390, 844), "dark")]
)
async def test_every_page_fits_the_screen(
    visit: Visit, web: Running, device: str, size: tuple[int, int], theme: str
) -> None:
    visitor = await visit(*size, theme=theme)
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for name, path in {**PAGES, "alert": f"/alerts/{web.alert}"}.items():
        page = await visitor.open(path)
        await expect(page.locator("h1")).to_be_visible()
        await expect(page.locator(".placeholder")).to_have_count(0)
        assert await page.evaluate("document.documentElement.scrollWidth") <= size[0]
        assert await page.evaluate("document.body.classList.contains('body--dark')") == (theme == "dark")
        await page.screenshot(path=SCREENSHOTS / f"{name}-{device}-{theme}.png")
        await page.close()


async def test_overview_shows_the_state_at_a_glance(visit: Visit) -> None:
    page = await (await visit()).open("/")
    assert await tile(page, "Geräte online") == "Geräte online 12 / 13 1 stumm"
    assert "506 kW" in await tile(page, "Last jetzt")
    assert "deckt 30,5 % der Last" in await tile(page, "Erzeugung jetzt")
    assert "kg" in await tile(page, "CO₂ heute")
    row = page.locator("tr", has_text="Hallenbad Rosenhöhe")
    await expect(row).to_contain_text("318 kW")
    await expect(page.locator("tr", has_text="Kita Regenbogen")).to_contain_text("stumm")
    await expect(page.locator(".plot canvas")).to_have_count(2)


async def test_names_are_never_markup(visit: Visit) -> None:
    page = await (await visit()).open("/")
    await expect(page.locator(".plot canvas")).to_have_count(2)  # what comes above it moves what is clicked
    await page.get_by_text("Grundschule Bieber <b>").click()
    await expect(page.locator("h1")).to_have_text("Grundschule Bieber <b>")


async def test_values_follow_the_store_without_a_reload(visit: Visit, web: Running) -> None:
    page = await (await visit()).open("/building/wache")
    before = await tile(page, "Last jetzt")
    now = web.clock.now_us()
    await web.store.write([Reading("wache-electricity", "active_power", 77_000.0, now)])
    await expect(page.locator(".tile", has_text="Last jetzt")).to_contain_text("77,0")
    assert "77,0" not in before


async def test_building_and_meter_lead_to_each_other(visit: Visit) -> None:
    page = await (await visit()).open("/building/schule")
    await expect(page.get_by_text("5.200 m² NRF")).to_be_visible()
    await page.get_by_role("link", name="Hauptzähler Strom", exact=True).click()
    await expect(page.locator("h1")).to_have_text("Hauptzähler Strom")
    await expect(page.get_by_text("OBIS 1-0:1.8.0")).to_be_visible()
    assert "16.115,48 kWh" in await tile(page, "Zählerstand")
    await expect(page.get_by_text("zweifelhaft: außerhalb des möglichen Bereichs").first).to_be_visible()
    await page.get_by_role("button", name="1 Jahr").click()
    await expect(page.get_by_text("Werte je Tag")).to_be_visible()


async def test_devices_can_be_searched(visit: Visit) -> None:
    page = await (await visit()).open("/devices")
    rows = page.locator("tbody tr")
    await expect(rows).to_have_count(13)
    await expect(rows.first).to_contain_text("stumm")
    await expect(rows.first).to_contain_text("seit 08:37")
    await expect(rows.first).to_contain_text("no answer within 3 s (seit 09:37)")
    await page.get_by_placeholder("Suchen").fill("sitzungssaal")
    await expect(rows).to_have_count(1)
    await expect(rows.first).to_contain_text("Temperatur")


async def test_co2_by_month_and_year(visit: Visit) -> None:
    page = await (await visit()).open("/co2")
    await expect(page.locator(".period-name")).to_have_text("März 2026")
    await expect(page.get_by_text("Emissionsfaktoren")).to_be_visible()
    await expect(page.locator("tbody tr").first).to_contain_text("Hallenbad Rosenhöhe")
    month = await tile(page, "Emissionen")
    await page.get_by_role("link", name="Jahr").click()
    await expect(page.locator(".period-name")).to_have_text("2026")
    assert await tile(page, "Emissionen") == month
    await page.goto(web_page(page, "/co2?period=2025-02"))
    await expect(page.get_by_text("Für diesen Zeitraum liegen keine Werte vor.").first).to_be_visible()


async def test_years_stand_against_the_path_to_the_target(visit: Visit) -> None:
    page = await (await visit()).open("/co2")
    card = page.locator(".card", has_text="Pfad zum Klimaziel")
    await expect(card.locator("canvas")).to_be_visible()
    told = " ".join((await card.inner_text()).split())
    assert "65 % weniger bis 2030, 100 % weniger bis 2045 gegenüber 2023 (2.400 t)" in told
    assert "2.300 t, das sind 17,7 % über dem Pfad (1.954 t)" in told
    assert "aus 2,0 % des Jahres, die gemessen sind; der Pfad lässt im ganzen Jahr 1.731 t zu" in told
    assert "Stadtverordnetenversammlung, 12.12.2023" in told


def web_page(page: Page, path: str) -> str:
    return "/".join(page.url.split("/")[:3]) + path


async def test_language_and_colours_are_kept(visit: Visit) -> None:
    page = await (await visit()).open("/devices")
    await page.get_by_role("link", name="Switch to English").click()
    await expect(page.locator("h1")).to_have_text("Devices")
    assert page.url.endswith("/devices")
    assert await page.evaluate("document.documentElement.lang") == "en-US"
    await page.get_by_role("link", name="Dark colours").click()
    await expect(page.locator("body.body--dark")).to_be_visible()
    await page.get_by_role("link", name="CO₂").click()
    await expect(page.locator("h1")).to_have_text("CO₂ balance")


async def test_an_alert_is_explained_and_acknowledged(visit: Visit, web: Running) -> None:
    page = await (await visit()).open("/")
    await expect(page.locator("nav .count")).to_have_text("1")
    assert await tile(page, "Offene Meldungen") == "Offene Meldungen 1 1 Warnung"
    await page.get_by_role("link", name="Meldungen", exact=False).first.click()
    await page.get_by_role("link", name="Grundlast an „Hauptzähler Strom“ gestiegen").click()
    await expect(page.get_by_text("<script>alert(1)</script>")).to_be_visible()
    await expect(page.locator(".plot canvas")).to_be_visible()
    assert "312 kWh" in await tile(page, "Mehrverbrauch")
    assert "99,97 €" in await tile(page, "Mehrkosten")
    await page.get_by_label("Kommentar").fill("Lüftung läuft durch, Hausmeister informiert")
    await page.get_by_label("Ihr Kürzel").fill("mk")
    await page.get_by_role("button", name="Übernehmen").click()
    await expect(page.locator(".history .acknowledged")).to_contain_text("Lüftung läuft durch")
    await expect(page.get_by_role("button", name="Übernehmen")).not_to_be_visible()
    await page.get_by_role("button", name="7 Tage stumm").click()
    await expect(page.get_by_text("stumm bis 03.04.2026")).to_be_visible()
    kept = web.alerts.get(web.alert)
    assert kept.state is State.ACKNOWLEDGED
    assert [(entry.action, entry.who) for entry in kept.history[-2:]] == [("acknowledged", "mk"), ("muted", "mk")]
    assert kept.muted_until_us is not None


async def test_a_comment_needs_words_and_appears_for_others(visit: Visit, web: Running) -> None:
    page = await (await visit()).open(f"/alerts/{web.alert}")
    other = await (await visit(language="en")).open(f"/alerts/{web.alert}")
    await page.get_by_role("button", name="Kommentieren").click()
    await expect(page.get_by_text("Bitte schreiben Sie zuerst")).to_be_visible()
    await page.get_by_label("Kommentar").fill("<b>erledigt</b>?")
    await page.get_by_role("button", name="Kommentieren").click()
    await expect(other.locator(".history .commented").first).to_contain_text("<b>erledigt</b>?")


@pytest.mark.parametrize("path", ["/building/nirgends", "/meter/%3Cscript%3E", "/alerts/keine", "/nirgends"])
async def test_addresses_that_lead_nowhere(visit: Visit, path: str) -> None:
    visitor = await visit()
    page = await visitor.open(path)
    await expect(page.get_by_text("Zur Übersicht")).to_be_visible()
    assert all("404" in said for said in visitor.complaints)
    visitor.complaints.clear()


async def test_a_store_that_is_down_is_said_and_waited_for(visit: Visit, web: Running) -> None:
    visitor = await visit()
    said = "Der Datenspeicher antwortet nicht."
    shown = await visitor.open("/")
    web.store.is_down = True
    try:
        await expect(shown.get_by_text(said)).to_be_visible()
        assert "kW" in await tile(shown, "Last jetzt")
        page = await visitor.open("/meter/schule-electricity-m")
        await expect(page.get_by_text(said)).to_be_visible()
        assert "Traceback" not in await page.content()
        reports = await visitor.open("/reports?scope=building:kita")
        await expect(reports.get_by_text(said)).to_be_visible()
    finally:
        web.store.is_down = False
    await expect(page.locator(".tile-number").first).to_have_text("16.115,48")
    await expect(reports.frame_locator("iframe.preview").locator("h1")).to_be_visible()
    for visited in (page, shown, reports):
        await expect(visited.get_by_text(said)).not_to_be_visible()
