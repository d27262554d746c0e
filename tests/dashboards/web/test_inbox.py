"""The inbox in a real browser: filters, and everything that people do about an alert, on a desk and on a phone."""

from collections.abc import Awaitable, Callable, Iterator

import pytest
from msgspec import structs
from playwright.async_api import Page, expect

from analytics.alerts.alert import Alert, State, Verdict
from metering.event import Severity
from tests.dashboards.web.conftest import NOW_US, SCREENSHOTS, Running, Visitor, finding

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.server("chromium")]
Visit = Callable[..., Awaitable[Visitor]]


@pytest.fixture
def leak(web: Running) -> Iterator[Alert]:
    """A leak beside the alert that is there, and an earlier one."""
    leak = structs.replace(
        finding(), kind="leak", severity=Severity.CRITICAL, title="Ständiger Durchfluss – Leck?", cause="x:leak"
    )
    week = 7 * 86_400_000_000
    earlier = structs.replace(leak, first_us=leak.first_us - week, last_us=leak.last_us - week)
    past = web.alerts.report(earlier, NOW_US)
    web.alerts.resolve(past.id, "Ali", "Spülkasten", NOW_US)
    alert = web.alerts.report(leak, NOW_US)
    yield alert
    for each in (past, alert):
        web.alerts.reopen(each.id, "test", "", NOW_US)  # takes a verdict back
        web.alerts.resolve(each.id, "test", "", NOW_US)


async def choose(page: Page, label: str, option: str) -> None:
    await page.get_by_label(label, exact=True).click()
    await page.get_by_role("option", name=option, exact=True).click()


async def test_alerts_are_filtered(visit: Visit, web: Running, leak: Alert) -> None:
    page = await (await visit()).open("/alerts")
    rows = page.locator("tbody tr", has=page.locator(".cell-link"))
    await expect(rows).to_have_count(2)
    await expect(rows.first).to_contain_text("Leck?")
    await choose(page, "Art", "Grundlast")
    await expect(rows).to_have_count(1)
    await expect(rows.first).to_contain_text("Grundlast")
    await choose(page, "Schwere", "kritisch")
    await expect(page.get_by_text("Keine offenen Meldungen.")).to_be_visible()
    web.alerts.assign(leak.id, "Weber", "Ali", NOW_US)
    page = await (await visit()).open("/alerts?who=weber&kind=leak&building=schule&severity=critical")
    rows = page.locator("tbody tr", has=page.locator(".cell-link"))
    await expect(rows).to_have_count(1)
    await expect(rows.first).to_contain_text("Weber")
    await page.get_by_label("Zuständig").fill("Meier")
    await expect(rows).to_have_count(0)
    await page.get_by_role("link", name="Erledigt").click()
    await expect(page).to_have_url(
        f"{web.url}/alerts?show=resolved&building=schule&kind=leak&severity=critical&who=weber"
    )


async def test_an_alert_is_assigned_judged_resolved_and_reopened_on_a_phone(
    visit: Visit, web: Running, leak: Alert
) -> None:
    visitor = await visit(390, 844)
    page = await visitor.open(f"/alerts/{leak.id}")
    await expect(page.get_by_text("Zähler bei geschlossenen Ventilen ansehen")).to_be_visible()
    await expect(page.locator(".card", has_text="Frühere Fälle")).to_contain_text("erledigt · Spülkasten")
    await page.get_by_label("Ihr Kürzel").fill("mk")
    await page.get_by_label("Zuständig").fill("Weber")
    await page.get_by_role("button", name="Zuweisen").click()
    await expect(page.locator(".history .assigned", has_text="mk")).to_contain_text("Weber")
    await page.get_by_label("Kommentar").fill("Füllung des Beckens")
    await page.get_by_role("button", name="Fehlalarm").click()
    await expect(page.locator(".facts", has_text="Empfindlichkeit")).to_contain_text("0,50-fach (Fehlalarme: 1")
    kept = web.alerts.get(leak.id)
    assert (kept.state, kept.verdict, kept.assignee) == (State.RESOLVED, Verdict.FALSE_ALARM, "Weber")
    assert web.alerts.sensitivities(leak.subject) == {(leak.subject, "leak"): 0.5}
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=SCREENSHOTS / "alert-judged-phone.png", full_page=True)
    meter = await visitor.open(f"/meter/{leak.subject}")
    await expect(meter.get_by_text("0,50-fach (Fehlalarme: 1, bestätigt: 0)")).to_be_visible()
    await page.get_by_role("button", name="Wieder öffnen").click()
    await expect(page.get_by_role("button", name="Erledigt")).to_be_visible()
    await page.get_by_role("button", name="Stimmt").click()
    await page.get_by_role("button", name="Erledigt").click()
    await expect(page.get_by_role("button", name="Wieder öffnen")).to_be_visible()
    done = web.alerts.get(leak.id)
    assert (done.state, done.verdict) == (State.RESOLVED, Verdict.CONFIRMED)
    assert [entry.who for entry in done.history if entry.action == "confirmed"] == ["mk"]
