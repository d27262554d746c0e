"""Every page by axe-core, in both themes, against WCAG 2.2 A and AA; and pictures of the operator's pages."""

import re
from collections.abc import Awaitable, Callable

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect
from starlette.routing import compile_path

from dashboards.web.access.rights import ADDRESSES, Role
from tests.dashboards.web.conftest import SCREENSHOTS, Running, Visitor
from tests.dashboards.web.test_doors import sign_in

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
    "trace": "/trace/UBA-16-2026/2026-03-23/energy/meter:wache-gas-m/gas/all",
    "not-found": "/nowhere",
}


def test_every_page_is_among_them() -> None:
    """Whatever a browser is shown: all addresses but those of programs, of forms and of the framework."""
    others = re.compile(r"/api/|/_nicegui|.*\{rest:path\}|/(sign-out|preferences|health|favicon\.ico)$")
    shown = {address for address in ADDRESSES if not others.match(address)} | {"/alerts/{rest:path}"}
    paths = [path.split("?")[0] for path in (*PAGES.values(), "/sign-in")]
    assert [each for each in shown if not any(compile_path(each)[0].match(path) for path in paths)] == []


async def violations(page: Page) -> list[str]:
    """What axe-core finds wrong, each with an example."""
    found = await Axe().run(page, options=_OPTIONS)
    return [
        f"{rule['id']}: {rule['help']}: {node['html'][:200]} {node.get('failureSummary', '')[:300]}"
        for rule in found.response["violations"]
        for node in rule["nodes"][:3]
    ]


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.server("chromium")
@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_every_page_is_accessible(visit: Visit, closed: Running, theme: str) -> None:
    visitor = await visit(at=closed, theme=theme)
    page = await visitor.open("/")
    wrong = {"sign-in": await violations(page)}
    await sign_in(page, Role.OPERATOR, "wrong password")
    wrong["sign-in-refused"] = await violations(page)
    visitor.complaints.clear()  # the browser complains of 401
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
