"""``leitwarte report`` and ``leitwarte carbon`` on a small estate of imported meters, as a climate office uses them."""

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from analytics.reports.period import Period
from metering.localtime import LocalCalendar, quarter_hours
from metering.reading import Reading
from storage.embedded.store import EmbeddedStore
from storage.settings import EmbeddedSettings
from tests.leitwarte.processes import PATIENCE, called

SETTINGS = """\
data_dir: .
sites:
  - id: north
    buildings:
      - id: school
        usage: school
        floor_area_m2: 1000
        meters:
          - {id: power, carrier: electricity, imported: true}
          - {id: solar, carrier: electricity, imported: true, role: generation}
          - {id: warmth, carrier: heat, imported: true}
"""
MAKE = """
import sys
from leitwarte.cli import app
for what in (["co2", "--rules", "GHGP-LB"], ["energy", "--building", "school"]):
    for format_ in ("pdf", "xlsx"):
        out = f"{what[0]}.{format_}"
        app(["report", *what, "--period", "2024-07", "--format", format_, "--out", out, "--config", sys.argv[1]],
            standalone_mode=False)
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "leitwarte.yaml"
    path.write_text(SETTINGS, "utf-8")
    asyncio.run(fill(tmp_path / "leitwarte.duckdb"))
    return path


def test_a_published_report_is_verified_and_restated(config: Path, tmp_path: Path) -> None:
    place = ("--config", config)
    folder = tmp_path / "published"
    assert "SHA-256" in called("carbon", "publish", folder, "--period", "2024-07", *place).stdout
    again = called("carbon", "publish", folder, "--period", "2024-07", *place)
    assert (again.returncode, "never changes" in again.stderr) == (1, True)
    assert "the same" in called("carbon", "verify", folder, *place).stdout
    other = ("--edition", "uba-16-2026=uba-13-2025")
    said = called("carbon", "restate", folder, *other, *place)
    power = 2976 * 5
    for number in (2976 * 5.4, power * 0.414, power * 0.427, power * 0.013):  # with what the sun gave; none cut short
        assert f"{number:,.1f}" in said.stdout
    assert "electricity, total, 2024: 414 g → 427 g" in said.stdout
    assert "Tab. 2" in said.stdout
    assert said.stderr == ""

    config.write_text(SETTINGS.replace("1000", "1200"), "utf-8")
    told = called("carbon", "restate", folder, *other, *place)
    assert "what is stored now is not what" in told.stderr.replace("\n", " ")
    differs = called("carbon", "verify", folder, *place)
    assert (differs.returncode, "settings" in differs.stderr) == (1, True)


def test_two_processes_in_two_places_at_two_times_make_the_same_bytes(
    config: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The same readings give the same report to the byte, wherever, whenever and by which process it is made."""
    first, second = config.parent, tmp_path_factory.mktemp("elsewhere")
    shutil.copytree(first, second / "deeper")
    later = ["faketime", "-f", "+400d"] if shutil.which("faketime") else []  # else the seconds between the two must do
    made(first, config, [], TZ="UTC", PYTHONHASHSEED="1")
    made(second, Path("deeper/leitwarte.yaml"), later, TZ="America/New_York", PYTHONHASHSEED="2")
    for name in ("co2.pdf", "co2.xlsx", "energy.pdf", "energy.xlsx"):
        here, there = (first / name).read_bytes(), (second / name).read_bytes()
        assert len(here) > 5000
        assert here == there, name


async def fill(path: Path) -> None:
    store = EmbeddedStore(EmbeddedSettings(path=path))
    await store.start()
    for year in (2023, 2024):
        starts = quarter_hours(Period.parse(f"{year}-07").window(LocalCalendar())).tolist()
        for name, amount in (("power", 1.25), ("solar", 0.1), ("warmth", 2.0)):
            values = {"consumption": amount * (year - 2020), "completeness": 1.0}
            await store.write([Reading(name, what, value, at) for what, value in values.items() for at in starts])
    await store.close()


def made(folder: Path, config: Path, by: list[str], **environment: str) -> None:
    """The reports in the folder, by a process of its own."""
    command = [*by, sys.executable, "-c", MAKE, str(config)]
    env = os.environ | environment
    subprocess.run(command, cwd=folder, env=env, check=True, timeout=120 * PATIENCE, capture_output=True)
