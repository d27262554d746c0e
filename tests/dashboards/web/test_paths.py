"""The ways people go most: three clicks from the start page, the keyboard alone, and back through the years."""

from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Page, expect

from analytics.alerts.alert import State
from tests.dashboards.web.conftest import SCREENSHOTS, Running, Visitor

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.server("chromium")]
Visit = Callable[..., Awaitable[Visitor]]

PATIENCE_MS = 30_000


@pytest.mark.parametrize("size", [(1440, 900), (390, 844)], ids=["desktop", "phone"])
async def test_open_alerts_and_last_months_report_are_three_clicks_away(visit: Visit, size: tuple[int, int]) -> None:
    page = await (await visit(*size)).open("/")
    await page.locator("a.tile", has_text="Offene Meldungen").click()
    await expect(page.get_by_role("link", name="Grundlast an")).to_be_visible(timeout=PATIENCE_MS)
    await page.get_by_role("link", name="Berichte").click()
    preview = page.frame_locator("iframe")
    await expect(preview.locator("h1")).to_have_text("Energie- und CO2-Bericht", timeout=PATIENCE_MS)
    await expect(preview.get_by_text("Stadt gesamt, Februar 2026")).to_be_visible()
    async with page.expect_download(timeout=60_000) as download:
        await page.get_by_role("link", name="PDF").click()
    assert (await download.value).suggested_filename == "co2-city-2026-02.pdf"


async def press_until(page: Page, focused: str) -> None:
    """Tab until what has the focus says so, as text or label."""
    told = "e => [e.innerText, e.ariaLabel, ...[...(e.labels ?? [])].map(l => l.innerText)].join(' ')"
    for _ in range(60):
        await page.keyboard.press("Tab")
        if focused in await page.locator(":focus").evaluate(told):
            return
    raise AssertionError(f"no way by Tab to {focused!r}")


async def test_the_inbox_needs_no_mouse(visit: Visit, web: Running) -> None:
    page = await (await visit()).open("/alerts")
    await expect(page.get_by_role("link", name="Grundlast an")).to_be_visible(timeout=PATIENCE_MS)
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Zum Inhalt")).to_be_focused()
    await page.keyboard.press("Enter")
    await press_until(page, "Grundlast an")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Übernehmen")).to_be_visible(timeout=PATIENCE_MS)
    await press_until(page, "Kommentar")
    await page.keyboard.type("Hausmeister sieht nach")
    await press_until(page, "Übernehmen")
    await page.keyboard.press("Enter")
    await expect(page.locator(".history .acknowledged")).to_contain_text("Hausmeister sieht nach", timeout=PATIENCE_MS)
    assert web.alerts.get(web.alert).state is State.ACKNOWLEDGED


async def test_a_meter_is_seen_back_in_time_and_closer(visit: Visit) -> None:
    page = await (await visit()).open("/meter/schule-electricity-m")
    note = page.locator(".card", has=page.locator(".stretch")).locator(".fine")
    await expect(note).to_have_text(
        "20.03.2026 – 27.03.2026 · Werte je Viertelstunde · farbig hinterlegt: Zeiten mit Meldungen",
        timeout=PATIENCE_MS,
    )
    await page.get_by_role("button", name="24 h").click()
    await expect(note).to_contain_text("26.03.2026 – 27.03.2026", timeout=PATIENCE_MS)
    await page.get_by_role("button", name="Früher").click()
    await expect(note).to_contain_text("25.03.2026 – 26.03.2026", timeout=PATIENCE_MS)
    await page.get_by_role("button", name="7 Tage").click()
    await expect(note).to_contain_text("20.03.2026 – 27.03.2026", timeout=PATIENCE_MS)
    plot = page.locator(".plot canvas").first
    box = await plot.bounding_box()
    assert box is not None
    await page.mouse.click(box["x"] + box["width"] - 31, box["y"] + 14)  # the tool that picks a stretch
    await page.mouse.move(box["x"] + 300, box["y"] + 150)
    await page.mouse.down()
    await page.mouse.move(box["x"] + 450, box["y"] + 150, steps=4)
    await page.mouse.up()
    await expect(note).not_to_contain_text("20.03.2026", timeout=PATIENCE_MS)
    await page.screenshot(path=SCREENSHOTS / "meter-picked-desktop-light.png")
    await page.get_by_role("button", name="Später").click()
    await page.get_by_role("button", name="10 Jahre").click()
    await expect(note).to_contain_text("Werte je Tag", timeout=PATIENCE_MS)
