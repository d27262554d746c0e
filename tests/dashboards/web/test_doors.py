"""Signing in and out, in a real browser: with the keyboard, on a phone, as each role."""

from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Page, expect

from dashboards.web.access.accounts import Accounts
from dashboards.web.access.rights import Role
from tests.dashboards.web.conftest import NOW_US, PASSWORD, SCREENSHOTS, Running, Visitor, signed_in

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.server("chromium")]
Visit = Callable[..., Awaitable[Visitor]]


async def sign_in(page: Page, user: str, password: str = PASSWORD) -> None:
    """With the keyboard alone: the first field has the focus."""
    await page.keyboard.type(user)
    await page.keyboard.press("Tab")
    await page.keyboard.type(password)
    async with page.expect_navigation():
        await page.keyboard.press("Enter")


@pytest.mark.parametrize(
    ("device", "size", "theme"), [("desktop", (1440, 900), "light"), ("phone", (390, 844), "dark")]
)
async def test_signing_in_and_out(
    visit: Visit, closed: Running, device: str, size: tuple[int, int], theme: str
) -> None:
    visitor = await visit(*size, at=closed, theme=theme)
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page = await visitor.open("/devices")
    await expect(page.locator("h1")).to_have_text("Anmelden")
    assert await page.evaluate("document.documentElement.scrollWidth") <= size[0]
    await page.screenshot(path=SCREENSHOTS / f"signin-{device}-{theme}.png")
    await sign_in(page, Role.OPERATOR, "wrong password")
    await expect(page.get_by_role("alert")).to_have_text("Benutzername oder Kennwort stimmt nicht.")
    await page.screenshot(path=SCREENSHOTS / f"signin-wrong-{device}-{theme}.png")
    visitor.complaints.clear()  # the browser complains of 401
    await sign_in(page, Role.OPERATOR)
    await expect(page.locator("h1")).to_have_text("Geräte")
    await page.locator("summary").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator(".account-name")).to_have_text("operator")
    await page.screenshot(path=SCREENSHOTS / f"account-menu-{device}-{theme}.png")
    await page.get_by_role("button", name="Abmelden").click()
    await expect(page.locator("h1")).to_have_text("Anmelden")
    await page.goto(f"{closed.url}/devices")
    await expect(page.locator("h1")).to_have_text("Anmelden")
    await page.get_by_role("link", name="Switch to English").click()
    await expect(page.locator("h1")).to_have_text("Sign in")


async def test_facility_managers_find_their_buildings_only(visit: Visit, closed: Running) -> None:
    visitor = await visit(at=closed)
    page = await visitor.open("/")
    await sign_in(page, Role.FACILITY_MANAGER)
    for address in ("/", "/devices", "/co2", "/reports", "/alerts?show=all"):
        await page.goto(closed.url + address)
        await expect(page.locator("h1")).to_be_visible()
        await expect(page.locator(".placeholder")).to_have_count(0)
        shown = await page.content()
        assert "Grundschule" not in shown, address
        assert "Pfad zum Klimaziel" not in shown, "that is of all buildings together"
        assert "Hallenbad" in shown or address in ("/alerts?show=all", "/reports"), address
    await expect(page.locator("nav").get_by_text("Betrieb")).to_have_count(0)


async def test_the_climate_office_begins_at_the_reports(visit: Visit, closed: Running) -> None:
    visitor = await visit(at=closed)
    page = await visitor.open("/")
    await sign_in(page, Role.CLIMATE_OFFICE)
    await expect(page.locator("h1")).to_have_text("Berichte")
    await expect(page.locator("header nav a")).to_have_count(2)
    await page.goto(f"{closed.url}/devices")
    await expect(page.locator("h1")).to_have_text("Kein Zugriff")
    await page.screenshot(path=SCREENSHOTS / "forbidden-desktop-light.png")
    await page.get_by_role("link", name="Zur Startseite").click()
    await expect(page.locator("h1")).to_have_text("Berichte")
    visitor.complaints.clear()  # of 403


async def test_a_page_that_is_open_goes_blind_with_the_session(visit: Visit, closed: Running) -> None:
    visitor = await visit(at=closed)
    page = await visitor.open("/devices")
    await sign_in(page, Role.ENGINEER)
    await expect(page.locator("h1")).to_have_text("Geräte")
    other = await visitor.open("/devices")
    await other.locator("summary").click()
    await other.get_by_role("button", name="Abmelden").click()
    await page.wait_for_function("!window.socket.connected")
    await page.close()  # or it goes on trying to connect, and complains
    visitor.complaints.clear()  # of the socket that was closed


async def test_a_token_is_made_and_taken_back(visit: Visit, closed: Running) -> None:
    visitor = await visit(at=closed)
    page = await visitor.open("/account")
    await sign_in(page, Role.ENGINEER)
    await page.get_by_role("button", name="Anlegen").click()
    await expect(page.get_by_text("mindestens ein Recht")).to_be_visible()
    await page.get_by_label("Wofür").fill("Auswertung <b>")
    await page.get_by_label("Rechte").click()
    await page.get_by_role("option", name="read:values").click()
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Anlegen").click()
    await expect(page.locator(".lines")).to_contain_text("lw_")
    await expect(page.locator(".tokens li")).to_contain_text("Auswertung <b>")
    await page.screenshot(path=SCREENSHOTS / "account-desktop-light.png")
    await page.get_by_role("button", name="Zurücknehmen").click()
    await expect(page.locator(".tokens li")).to_have_count(0)


async def test_the_operator_sees_what_was_set_aside_and_who_did_what(visit: Visit, closed: Running) -> None:
    visitor = await visit(at=closed)
    page = await visitor.open("/operation")
    await sign_in(page, Role.OPERATOR)
    row = page.locator("tr", has_text="kita/strom")
    await expect(row).to_contain_text('{"power": "<b>viel</b>"}')
    await expect(page.locator("tr", has_text="bad-heat")).to_contain_text("9900000000.0")
    await page.get_by_role("link", name="Einstellungen").click()
    await expect(page.locator(".lines")).to_contain_text("Web-App unter http://127.0.0.1")
    await expect(page.locator(".remark").first).to_contain_text("Es gibt keine Geräte")
    await page.get_by_role("link", name="Protokoll").click()
    await expect(page.locator("tbody tr").first).to_contain_text("angemeldet")


async def test_people_change_their_own_password(visit: Visit, closed: Running) -> None:
    accounts = Accounts(f"sqlite:///{closed.settings.accounts}")
    accounts.add("petra", Role.ENGINEER, NOW_US, password=PASSWORD, buildings=None, who="test")
    page = await (await visit(at=closed)).open("/account")
    await sign_in(page, "petra")

    async def change(current: str, new: str, again: str) -> None:
        await expect(page.get_by_label("Bisheriges Kennwort")).to_be_visible()
        await page.get_by_label("Bisheriges Kennwort").fill(current)
        await page.get_by_label("Neues Kennwort", exact=True).fill(new)
        await page.get_by_label("Neues Kennwort noch einmal").fill(again)
        async with page.expect_navigation():
            await page.get_by_role("button", name="Ändern").click()

    other = await signed_in(closed.url, "petra")
    new = "eine längere Wortfolge"
    for given, said in {
        ("falsch geraten", new, new): "Das bisherige Kennwort stimmt nicht.",
        (PASSWORD, "kurz", "kurz"): "Das neue Kennwort braucht mindestens 12 Zeichen.",
        (PASSWORD, new, new + "!"): "Die beiden neuen Kennwörter sind nicht gleich.",
        (PASSWORD, new, new): "Das Kennwort ist geändert.",
    }.items():
        await change(*given)
        await expect(page.get_by_text(said)).to_be_visible()
    assert accounts.check("petra", new)
    assert ("petra", "password changed") in {(entry.who, entry.action) for entry in accounts.log()}
    assert (await other.get("/devices")).status_code == 303  # signed out
    await other.aclose()
    accounts.close()
