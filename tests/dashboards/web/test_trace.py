"""From a figure of a report down to register readings and the factor's document, in a browser."""

from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import expect

from analytics.reports.figure import Measure
from metering.texts import Texts
from tests.dashboards.web.conftest import SCREENSHOTS, Visitor

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.server("chromium")]
Visit = Callable[..., Awaitable[Visitor]]
VIEW = "UBA-16-2026"


async def test_from_the_preview_down_to_readings_and_the_document(visit: Visit) -> None:
    visitor = await visit()
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page = await visitor.open("/reports?period=2026-03&scope=building:wache")
    frame = page.frame_locator("iframe.preview")
    await frame.locator(".keys a").first.click()
    await expect(page.locator("h1")).to_have_text("Endenergie")
    await expect(page.locator(".subtitle")).to_contain_text("Feuerwache · 2026-03")
    await page.goto(page.url.replace("/energy/", "/emissions/"))
    await page.get_by_role("link", name="Hauptzähler Strom").click()
    await expect(page.locator("h1")).to_have_text("Emissionen")
    await expect(page.locator(".subtitle")).to_contain_text("Hauptzähler Strom")
    day = page.get_by_role("link", name="2026-03-23")
    await expect(day).to_be_visible()
    await page.screenshot(path=SCREENSHOTS / "trace-days-desktop-light.png", full_page=True)
    await day.click()
    await expect(page.get_by_text("Viertelstunden", exact=True)).to_be_visible()
    await expect(page.get_by_text("Zählerstände", exact=True)).to_be_visible()
    await expect(page.get_by_text("Climate Change 16/2026").first).to_be_visible()
    await expect(page.locator('a[href*="umweltbundesamt.de"]').first).to_be_visible()
    await page.screenshot(path=SCREENSHOTS / "trace-desktop-light.png", full_page=True)


async def test_in_english(visit: Visit) -> None:
    page = await (await visit(language="en")).open(f"/trace/{VIEW}/2026-03-23/energy/meter:wache-gas-m/gas/all")
    await expect(page.get_by_text("Quarter-hours", exact=True)).to_be_visible()
    await expect(page.locator(".tile-note", has_text="state number").first).to_be_visible()


@pytest.mark.parametrize("figure", ["what/is/this", f"{VIEW}/2026-03/energy/building:nowhere/all/all"])
async def test_a_figure_that_is_none(visit: Visit, figure: str) -> None:
    visitor = await visit()
    page = await visitor.open(f"/trace/{figure}")
    await expect(page.locator(".notice-title")).to_be_visible()
    assert [said for said in visitor.complaints if "404" not in said] == []
    visitor.complaints.clear()


@pytest.mark.parametrize("language", ["de", "en"])
async def test_every_measure_has_a_name(language: str) -> None:
    say = Texts("analytics.reports.paper", language)  # type: ignore[arg-type]
    assert all(say(measure) for measure in Measure)
