"""The ways people go most: three clicks from the start page, the keyboard alone, and back through the years."""

from collections.abc import Awaitable, Callable

import pytest
from msgspec import structs
from playwright.async_api import Page, expect

from analytics.alerts.alert import State, Verdict
from dashboards.web.access.rights import Role
from tests.dashboards.web.conftest import NOW_US, SCREENSHOTS, Running, Visitor, finding
from tests.dashboards.web.test_doors import sign_in

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.server("chromium")]
Visit = Callable[..., Awaitable[Visitor]]


SIZES = {"desktop": (1440, 900), "phone": (390, 844)}


async def entered(visit: Visit, closed: Running, device: str, role: Role) -> tuple[Visitor, Page]:
    """Somebody of this role at the start page, signed in."""
    visitor = await visit(*SIZES[device], at=closed, theme="dark" if device == "phone" else "light")
    page = await visitor.open("/")
    await sign_in(page, role)
    return visitor, page


async def further(page: Page, name: str) -> None:
    """By the link of that name, once nothing is loading: on a page that still moves a click may miss."""
    link = page.get_by_role("link", name=name, exact=True)
    await expect(link).to_be_visible()
    await page.wait_for_load_state("networkidle")
    await link.click()


async def seen(page: Page, device: str, name: str) -> None:
    """Kept as a picture, and nothing of it beside the screen."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    assert await page.evaluate("document.documentElement.scrollWidth") <= SIZES[device][0]
    await page.screenshot(path=SCREENSHOTS / f"path-{name}-{device}.png", full_page=True)


@pytest.mark.parametrize("device", SIZES)
async def test_an_engineer_goes_from_sign_in_to_the_plot_of_a_meter(visit: Visit, closed: Running, device: str) -> None:
    _, page = await entered(visit, closed, device, Role.ENGINEER)
    await further(page, "Hallenbad Rosenhöhe")
    await expect(page.locator("h1")).to_have_text("Hallenbad Rosenhöhe")
    await further(page, "Hauptzähler Strom")
    await expect(page.locator("h1")).to_have_text("Hauptzähler Strom")
    await expect(page.locator(".tile", has_text="Zählerstand")).to_contain_text("kWh")
    await page.get_by_role("button", name="31 Tage").click()
    await expect(page.get_by_text("Werte je Stunde")).to_be_visible()
    await expect(page.locator(".plot canvas").first).to_be_visible()
    await seen(page, device, "engineer")


@pytest.mark.parametrize("device", SIZES)
async def test_a_facility_manager_judges_an_alert_of_an_own_building(
    visit: Visit, closed: Running, device: str
) -> None:
    own = {"cause": f"bad:{device}", "subject": "bad-electricity-m", "building": "bad", "title": "Grundlast im Bad"}
    alert = closed.alerts.report(structs.replace(finding(), **own), NOW_US)
    visitor, page = await entered(visit, closed, device, Role.FACILITY_MANAGER)
    await page.locator("a.tile", has_text="Offene Meldungen").click()
    await expect(page.locator("tbody .cell-link")).to_have_text(["Grundlast im Bad"])  # the school's is not theirs
    await further(page, "Grundlast im Bad")
    await expect(page.locator(".plot canvas")).to_be_visible()
    await expect(page.locator(".tile", has_text="Mehrverbrauch")).to_contain_text("312")
    await page.get_by_label("Kommentar").fill("Lüftung lief für die Reinigung")
    await page.get_by_role("button", name="Übernehmen").click()
    await expect(page.locator(".history .acknowledged")).to_contain_text("Lüftung lief")
    await page.get_by_role("button", name="Fehlalarm").click()
    await expect(page.get_by_role("button", name="Wieder öffnen")).to_be_visible()
    await seen(page, device, "manager")
    kept = closed.alerts.get(alert.id)
    assert (kept.state, kept.verdict) == (State.RESOLVED, Verdict.FALSE_ALARM)
    assert {entry.who for entry in kept.history if entry.action != "opened"} == {Role.FACILITY_MANAGER}
    await page.goto(f"{closed.url}/alerts/{closed.alert}")
    await expect(page.locator(".notice-title")).to_be_visible()
    visitor.complaints.clear()  # of the alert that is not theirs


@pytest.mark.parametrize("device", SIZES)
async def test_the_climate_office_takes_last_months_report_along_and_traces_a_figure(
    visit: Visit, closed: Running, device: str
) -> None:
    _, page = await entered(visit, closed, device, Role.CLIMATE_OFFICE)
    preview = page.frame_locator("iframe.preview")
    await expect(preview.locator("h1")).to_have_text("Energie- und CO2-Bericht")
    await expect(preview.get_by_text("Stadt gesamt, Februar 2026")).to_be_visible()
    async with page.expect_download() as download:
        await page.get_by_role("link", name="PDF").click()
    assert (await download.value).suggested_filename == "co2-city-2026-02.pdf"
    await page.get_by_label("Zeitraum").click()
    await page.get_by_role("option", name="März 2026").click()
    await expect(preview.locator("h1 + p")).not_to_contain_text("Februar 2026")
    await seen(page, device, "climate-report")
    await preview.locator(".keys a").first.click()
    await expect(page.locator("h1")).to_have_text("Endenergie")
    for step in ("Feuerwache", "Hauptzähler Strom", "2026-03-23"):
        await further(page, step)
    await expect(page.get_by_text("Zählerstände", exact=True)).to_be_visible()
    await expect(page.get_by_text("Tage", exact=True)).to_be_visible()
    await expect(page.get_by_text("Viertelstunden", exact=True)).to_have_count(0)  # they would be a load profile
    await seen(page, device, "climate-trace")


async def test_open_alerts_and_last_months_report_are_three_clicks_away(visit: Visit) -> None:
    page = await (await visit()).open("/")
    await page.locator("a.tile", has_text="Offene Meldungen").click()
    await expect(page.get_by_role("link", name="Grundlast an")).to_be_visible()
    await page.goto("/".join(page.url.split("/")[:3]))
    await page.get_by_role("link", name="Berichte").click()
    async with page.expect_download() as download:
        await page.get_by_role("link", name="PDF").click()
    assert (await download.value).suggested_filename == "co2-city-2026-02.pdf"


async def press_until(page: Page, focused: str) -> None:
    """Tab until what has the focus says so, as text or label."""
    told = "e => [e.innerText, e.ariaLabel, ...[...(e.labels ?? [])].map(l => l.innerText)].join(' ')"
    at_focus = f"() => document.activeElement === document.body ? '' : ({told})(document.activeElement)"
    for _ in range(60):
        await page.keyboard.press("Tab")
        if focused in await page.evaluate(at_focus):
            return
    raise AssertionError(f"no way by Tab to {focused!r}")


async def test_the_inbox_needs_no_mouse(visit: Visit, web: Running) -> None:
    page = await (await visit()).open("/alerts")
    await expect(page.get_by_role("link", name="Grundlast an")).to_be_visible()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Zum Inhalt")).to_be_focused()
    await page.keyboard.press("Enter")
    await press_until(page, "Grundlast an")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Übernehmen")).to_be_visible()
    await press_until(page, "Kommentar")
    await page.keyboard.type("Hausmeister sieht nach")
    await press_until(page, "Übernehmen")
    await page.keyboard.press("Enter")
    await expect(page.locator(".history .acknowledged")).to_contain_text("Hausmeister sieht nach")
    assert web.alerts.get(web.alert).state is State.ACKNOWLEDGED


async def test_a_meter_is_seen_back_in_time_and_closer(visit: Visit) -> None:
    page = await (await visit()).open("/meter/schule-electricity-m")
    note = page.locator(".card", has=page.locator(".stretch")).locator(".fine")
    await expect(note).to_have_text(
        "20.03.2026 – 27.03.2026 · Werte je Viertelstunde · farbig hinterlegt: Zeiten mit Meldungen",
    )
    await page.get_by_role("button", name="24 h").click()
    await expect(note).to_contain_text("26.03.2026 – 27.03.2026")
    await page.get_by_role("button", name="Früher").click()
    await expect(note).to_contain_text("25.03.2026 – 26.03.2026")
    await page.get_by_role("button", name="7 Tage").click()
    await expect(note).to_contain_text("20.03.2026 – 27.03.2026")
    plot = page.locator(".plot canvas").first
    box = await plot.bounding_box()
    assert box is not None
    await page.mouse.click(box["x"] + box["width"] - 31, box["y"] + 14)  # the tool that picks a stretch
    await page.mouse.move(box["x"] + 300, box["y"] + 150)
    await page.mouse.down()
    await page.mouse.move(box["x"] + 450, box["y"] + 150, steps=4)
    await page.mouse.up()
    await expect(note).not_to_contain_text("20.03.2026")
    await page.screenshot(path=SCREENSHOTS / "meter-picked-desktop-light.png")
    await page.get_by_role("button", name="Später").click()
    await page.get_by_role("button", name="10 Jahre").click()
    await expect(note).to_contain_text("Werte je Tag")
