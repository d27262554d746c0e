"""The commands in the documents do what the documents say, and what is written from the code is current."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from bench.sizing import tables
from leitwarte.cli import app, contents
from tests.leitwarte.processes import COMMAND, started
from tests.patience import PATIENCE_S
from tests.servers import Server, free_port

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
DOCUMENTS = (*DOCS.glob("*.md"), ROOT / "README.md")
_ELSEWHERE = ("make setup", "export ")  # installs, which others test


def blocks(file: Path, language: str) -> list[str]:
    """The code blocks of that language."""
    return re.findall(rf"^```{language}\n(.*?)^```", file.read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture
def town(mosquitto: Server, tmp_path: Path) -> Iterator[dict[str, Any]]:
    file = tmp_path / "town.yaml"
    broker = f"{mosquitto.host}:{mosquitto.port}"
    with started("sim", "--scenario", "sound", "--modbus-port", "0", "--mqtt", broker, "--settings", file) as sim:
        sim.wait_for(file.exists, 60, "the settings of the town")
        yield yaml.safe_load(file.read_text("utf-8"))


def test_the_tutorial_does_what_it_says(
    town: dict[str, Any], mosquitto: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    port, unit = next(
        (bus["port"], device["unit"])
        for bus in town["modbus"]
        for device in bus["devices"]
        if device["template"] == "eastron/sdm630" and device["unit"] <= 4
    )
    shelly = next(device for device in town["mqtt"][0]["devices"] if device["format"] == "shelly_gen2")

    def here(text: str) -> str:
        """With the addresses of the simulated devices."""
        text = text.replace("discover mqtt 10.20.0.2", f"discover mqtt {mosquitto.host}:{mosquitto.port}")
        text = text.replace("host: 10.20.0.2", f"host: {mosquitto.host}\n    port: {mosquitto.port}")
        text = text.replace("10.20.0.15", f"127.0.0.1:{port}").replace("--unit 1", f"--unit {unit}")
        return text.replace("shellypro3em-rathaus", shelly["topic"])

    commands = [
        line
        for block in blocks(DOCS / "tutorial.md", "sh")
        for line in block.splitlines()
        if not line.startswith(_ELSEWHERE)
    ]
    additions = iter(blocks(DOCS / "tutorial.md", "yaml"))
    file = tmp_path / "leitwarte.yaml"
    said: dict[str, str] = {}
    for line in commands:
        words = shlex.split(here(line))
        assert words[0] == "leitwarte"
        if words[1:] == ["run"]:
            runs(file)
            continue
        outcome = CliRunner().invoke(app, words[1:])
        assert outcome.exit_code == 0, f"{line}\n{outcome.output}"
        said[line] = outcome.stdout
        if "init" in words:  # the machine may be busy
            file.write_text(
                file.read_text("utf-8").replace("    devices:", f"    timeout_s: {PATIENCE_S}\n    devices:", 1),
                "utf-8",
            )
        if "discover mqtt" in line:
            text = file.read_text("utf-8") + "\n" + here(next(additions))
            file.write_text(text.replace("        meters:\n", "        meters:\n" + next(additions)), "utf-8")
    assert "template: eastron/sdm630" in next(text for line, text in said.items() if "discover modbus" in line)
    assert "format: shelly_gen2" in next(text for line, text in said.items() if "discover mqtt" in line)
    assert "rathaus-heat" in said["leitwarte store latest"]  # columns are narrow here


def runs(file: Path) -> None:
    """Fails unless `run` reads both devices."""
    health = free_port()
    ports = {"9108": str(health), "8080": str(free_port())}
    file.write_text(re.sub(r"\b(9108|8080)\b", lambda found: ports[found[0]], file.read_text("utf-8")), "utf-8")
    with started("run", "-c", file) as running:
        running.wait_for(lambda: devices_heard(health) == 2, 120, "both devices")
        assert running.end(signal.SIGTERM) == 0, running.said[-3000:]


def devices_heard(health_port: int) -> int:
    """How many devices the running gateway hears, once all of it is stored."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{health_port}/health", timeout=PATIENCE_S) as answer:
            told = json.load(answer)
            return int(told["devices"].get("online", 0)) if told["queued"] == 0 else 0
    except OSError:
        return 0


def test_the_settings_in_the_readme_are_in_order(tmp_path: Path) -> None:
    (text,) = blocks(ROOT / "README.md", "yaml")
    (tmp_path / "leitwarte.yaml").write_text(text, "utf-8")
    command = [COMMAND, "check", "-c", tmp_path / "leitwarte.yaml"]
    checked = subprocess.run(
        command, env={**os.environ, "INFLUX_TOKEN": "x"}, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr


def test_every_command_that_is_named_exists() -> None:
    """`leitwarte …` and `make …` in all documents, in the text or in a block."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for path in DOCUMENTS:
        text = path.read_text("utf-8")
        named = {
            word: set(re.findall(rf"(?:`|^|\$ |/){word} ([a-z]+)\b", text, re.MULTILINE))
            for word in ("leitwarte", "make")
        }
        assert named["leitwarte"] <= set(contents()), path
        assert named["make"] <= targets, path


def test_every_link_leads_somewhere() -> None:
    for path in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text("utf-8")):
            if "://" not in target:
                assert (path.parent / target).exists(), f"{path} links to {target}"


def test_the_reference_is_current() -> None:
    command = [sys.executable, DOCS / "reference.py", "--check"]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_sizing_table_is_that_of_its_constants() -> None:
    assert f"<!-- sizing: begin -->\n{tables()}\n<!-- sizing: end -->" in (DOCS / "scale.md").read_text("utf-8")


def test_the_documents_become_a_site_that_needs_no_other_server() -> None:
    built = subprocess.run(
        [sys.executable, DOCS / "site.py"], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
    )
    assert built.returncode == 0, built.stdout + built.stderr
    site = ROOT / ".cache" / "site"
    pages = list(site.rglob("*.html"))
    assert site / "docs" / "tutorial.html" in pages
    for page in pages:
        parts = re.findall(r"<(?:script|img|iframe|link)\b[^>]*\b(?:src|href)=\"?(\w+:)?//", page.read_text("utf-8"))
        assert not parts, page
