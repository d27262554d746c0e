"""Time until a year of quarter-hours is on the screen: the real page in a real browser, on the embedded store.

``python -m bench.web_year [METERS]``: each of METERS (10) has a year of quarter-hours, consumed and expected with its
interval. Chromium is that of the tests. Wall time from the click until the plot is drawn, and the CPU time it took: of
the server with its database, and of the browser.
"""

import asyncio
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter, process_time

import httpx
import numpy as np
from playwright.async_api import Page, async_playwright

from analytics.alerts.book import AlertBook
from bench.processes import descendants_cpu_s
from dashboards.settings import WebSettings
from dashboards.web.app import WebApp
from metering.clock import Clock
from metering.estate import Building, Carrier, Device, Estate, Meter, Role, Site
from metering.instant import DAY, QUARTER_HOUR, isoformat, parse
from metering.localtime import LocalCalendar
from metering.reading import Reading
from storage.embedded.store import EmbeddedStore
from storage.settings import EmbeddedSettings
from tests.servers import environment, executable

_END_US = parse("2026-07-01T00:00:00Z")
_TIMES = 9
_NAMES = ("consumption", "expected", "expected_lower", "expected_upper")


def estate(meters: int) -> Estate:
    return Estate.of(
        [Site("site", "Site")],
        [Building("building", "Building", "site", "school")],
        [Device("device", "Device", 60.0)],
        [
            Meter(f"m{n}", f"m{n}", "building", Carrier.ELECTRICITY, Role.SUPPLY, "device", "active_energy_import")
            for n in range(meters)
        ],
    )


def year(meter: str) -> Iterator[Reading]:
    times = np.arange(_END_US - 366 * DAY, _END_US, QUARTER_HOUR).tolist()
    values = np.random.default_rng(7).gamma(2.0, 3.0, len(times)).tolist()
    for time_us, value in zip(times, values, strict=True):
        for name, factor in zip(_NAMES, (1.0, 1.0, 0.8, 1.2), strict=True):
            yield Reading(meter, name, value * factor, time_us)


async def shown(page: Page, span: str, wanted: str) -> tuple[float, float, float]:
    """Seconds of wall, of the server's CPU and of the browser's from the click until the plot of the span is drawn."""
    before, server, chromium = perf_counter(), process_time(), descendants_cpu_s()
    await page.get_by_role("button", name=span).click()
    await page.locator(".fine", has_text=wanted).wait_for()
    await page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return perf_counter() - before, process_time() - server, descendants_cpu_s() - chromium


async def measure(meters: int, folder: Path) -> None:
    store = EmbeddedStore(EmbeddedSettings(path=folder / "year.duckdb"))
    await store.start()
    for n in range(meters):
        await store.write(list(year(f"m{n}")))
    book, settings = AlertBook(f"sqlite:///{folder / 'alerts.db'}"), WebSettings(port=0)
    app = WebApp(store, estate(meters), book, settings, "en", Clock(start_us=_END_US), LocalCalendar())
    serving = asyncio.create_task(app.run())
    await app.ready.wait()
    url = f"http://127.0.0.1:{app.port}"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=executable("chromium"), args=["--no-sandbox", "--disable-gpu"], env=dict(environment())
        )
        page = await browser.new_page(viewport={"width": 1440, "height": 900})
        await page.goto(f"{url}/meter/m0")
        await page.locator(".fine", has_text="Values per quarter-hour").wait_for()
        took: dict[str, list[tuple[float, float, float]]] = {"1 year": [], "24 h": []}
        for _ in range(_TIMES):
            took["1 year"].append(await shown(page, "1 year", "Values per day"))
            took["24 h"].append(await shown(page, "24 h", "Values per quarter-hour"))
        await browser.close()
    for span, times in took.items():
        wall, server, chromium = ([1000 * one[at] for one in times] for at in range(3))
        say(span, wall, server, chromium)
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        for format_ in ("json", "csv", "parquet"):
            asked = {"device": "m0", "quantity": "consumption", "format": format_}
            asked |= {"start": isoformat(_END_US - 366 * DAY), "end": isoformat(_END_US)}
            wall, server = [], []
            for _ in range(_TIMES):
                before, spent = perf_counter(), process_time()
                answer = await client.get("/api/v1/series", params=asked)
                wall.append(1000 * (perf_counter() - before))
                server.append(1000 * (process_time() - spent))
            say(f"all 35,136 values as {format_}, {len(answer.content) / 1e6:.1f} MB", wall, server)
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    book.close()
    await store.close()


def say(what: str, wall_ms: list[float], server_ms: list[float], browser_ms: list[float] | None = None) -> None:
    told = f"median {statistics.median(wall_ms):.0f} ms, worst {max(wall_ms):.0f} ms"
    told += f"; CPU of the server {statistics.mean(server_ms):.0f} ms"
    if browser_ms is not None:
        told += f", of the browser {statistics.mean(browser_ms):.0f} ms"
    sys.stdout.write(f"{what}: {told}\n")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder_:
        asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 10, Path(folder_)))
