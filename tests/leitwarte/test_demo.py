"""The demo as a new user meets it: history, live readings, an alert on the screen, a clean end, a second start."""

import json
import re
import signal
import socket
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from leitwarte.settings_file import load
from metering import instant
from metering.clock import Clock
from tests.leitwarte.processes import Running, leitwarte, started
from tests.patience import PATIENCE_S
from tests.servers import environment, libraries

LIVE_FAULTS = {"townhall-it", "waterworks-uv", "street-lighting-main", "depot-main", "zone-centre-inflow"}
ARTEFACTS = Path(__file__).parent.parent.parent / "artefacts" / "screenshots"


def test_a_live_fault_becomes_an_alert_on_screen_within_two_minutes(
    tmp_path: Path, chromium: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # speak as to a terminal
    begin = instant.isoformat(Clock().now_us())
    with started("demo", "--port", "0", "--folder", tmp_path / "demo") as demo:
        address = wait_for_address(demo)
        demo.wait_for(lambda: live_alerts(address, begin), 120, "an alert about a live fault")
        alert = live_alerts(address, begin)[0]
        assert alert["explanation"]
        look_at(f"{address}/alerts", chromium, expect=alert["title"])
        assert demo.end(signal.SIGINT) == 0
    assert "Traceback" not in demo.said
    assert "analysis" in demo.said
    assert "analysis" not in demo.said.partition(address)[2], "the bars were drawn over the address"
    found = re.search(r"readings: (\d+) received, (\d+) stored, (\d+) rejected, (\d+) queued", demo.said)
    assert found is not None, demo.said[-2000:]
    received, stored, rejected, queued = map(int, found.groups())
    assert received == stored + rejected + queued > 0

    monkeypatch.delenv("FORCE_COLOR")
    again = leitwarte("demo", "--for", "40s", "--port", "0", "--folder", tmp_path / "demo", "--json", timeout_s=180)
    assert again.returncode == 0, again.stderr
    summary = json.loads(again.stdout)
    assert summary["received"] == summary["stored"] + summary["rejected"] + summary["queued"] > 0
    assert summary["devices_online"] > 0.75 * summary["devices"]
    assert summary["kg_co2e_last_day"] > 0
    assert summary["address"].startswith("http://localhost:")
    assert len(json.loads((tmp_path / "demo" / "town.json").read_text())["live_us"]) == 2

    settings = load(tmp_path / "demo" / "leitwarte.yaml").settings
    gas = settings.rules().gas
    assert gas is not None
    assert "erfunden" in gas.on(settings.tomorrow()).source, "the gas of the demo is nobody's"


def test_a_taken_port_is_said_plainly(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        outcome = leitwarte("demo", "--for", "60s", "--port", str(port), "--folder", tmp_path / "demo", timeout_s=180)
    assert outcome.returncode == 1
    assert f":{port}" in outcome.stderr
    assert "Traceback" not in outcome.stderr


def wait_for_address(demo: Running) -> str:
    demo.wait_for(lambda: "http://localhost:" in demo.said, 180, "the web app")
    found = re.search(r"http://localhost:\d+", demo.said)
    assert found is not None
    return found[0]


def live_alerts(address: str, begin: str) -> list[dict[str, Any]]:
    """The open alerts about devices that fail while the demo runs, first seen since it began (ISO 8601, UTC)."""
    with urllib.request.urlopen(f"{address}/api/v1/alerts", timeout=PATIENCE_S) as answer:
        alerts = json.load(answer)
    return [
        alert
        for alert in alerts
        if alert["subject"].split(".")[0] in LIVE_FAULTS and alert["state"] == "open" and alert["first"] >= begin
    ]


def look_at(url: str, chromium: str, expect: str) -> None:
    with libraries(), sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments, env=dict(environment()))
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(PATIENCE_S * 1000)
        page.goto(url)
        page.get_by_text(expect).first.wait_for()
        ARTEFACTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=ARTEFACTS / "demo-alerts.png")
        browser.close()
