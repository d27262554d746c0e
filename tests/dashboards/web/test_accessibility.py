"""Every page by axe-core, in both themes, against WCAG 2.2 A and AA; and pictures of the operator's pages."""

from collections.abc import Awaitable, Callable

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from dashboards.web.access.rights import Role
from tests.dashboards.web.conftest import SCREENSHOTS, Running, Visitor
from tests.dashboards.web.test_doors import sign_in

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.server("chromium")]
Visit = Callable[..., Awaitable[Visitor]]

_OPTIONS = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
PAGES = {
    "overview": "/",
    "alerts": "/alerts",
    "alert": "/alerts/{alert}",
    "building": "/building/schule",
    "meter": "/meter/schule-electricity-m",
    "exchange": "/meter/schule-electricity-m/exchange",
    "devices": "/devices",
    "co2": "/co2",
    "reports": "/reports",
    "operation": "/operation",
    "operation-settings": "/operation?show=settings",
    "operation-factors": "/operation?show=factors",
    "operation-log": "/operation?show=log",
    "account": "/account",
    "about": "/about",
    "not-found": "/nowhere",
}


async def violations(page: Page) -> list[str]:
    """What axe-core finds wrong, each with an example."""
    found = await Axe().run(page, options=_OPTIONS)
    return [
        f"{rule['id']}: {rule['help']}: {node['html'][:200]} {node.get('failureSummary', '')[:300]}"
        for rule in found.response["violations"]
        for node in rule["nodes"][:3]
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_every_page_is_accessible(visit: Visit, closed: Running, theme: str) -> None:
    visitor = await visit(at=closed, theme=theme)
    page = await visitor.open("/")
    wrong = {"sign-in": await violations(page)}
    await sign_in(page, Role.OPERATOR)
    await expect(page.locator("h1")).to_have_text("Liegenschaften")
    for name, path in PAGES.items():
        await page.goto(closed.url + path.format(alert=closed.alert))
        await expect(page.locator("h1, .notice-title").first).to_be_visible()
        await expect(page.locator(".placeholder")).to_have_count(0)
        wrong[name] = await violations(page)
        if name.startswith(("operation", "about", "not-found")):
            await page.screenshot(path=SCREENSHOTS / f"{name}-desktop-{theme}.png")
    visitor.complaints.clear()  # of the page that is not there
    assert not any(wrong.values()), "\n".join(f"{name}: {one}" for name, found in wrong.items() for one in found)
