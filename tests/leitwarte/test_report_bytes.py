"""The same readings give the same report to the byte, wherever, whenever and by which process it is made."""

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

from analytics.reports.period import Period
from metering.localtime import LocalCalendar, quarter_hours
from metering.reading import Reading
from storage.embedded.store import EmbeddedStore
from storage.settings import EmbeddedSettings
from tests.leitwarte.processes import PATIENCE

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


def test_two_processes_in_two_places_at_two_times_make_the_same_bytes(tmp_path: Path) -> None:
    first = tmp_path / "first"
    first.mkdir()
    (first / "leitwarte.yaml").write_text(SETTINGS, "utf-8")
    asyncio.run(fill(first / "leitwarte.duckdb"))
    shutil.copytree(first, tmp_path / "second" / "deeper")
    later = ["faketime", "-f", "+400d"] if shutil.which("faketime") else []  # else the seconds between the two must do
    made(first, first / "leitwarte.yaml", [], TZ="UTC", PYTHONHASHSEED="1")
    made(tmp_path, Path("second/deeper/leitwarte.yaml"), later, TZ="America/New_York", PYTHONHASHSEED="2")
    for name in ("co2.pdf", "co2.xlsx", "energy.pdf", "energy.xlsx"):
        here, there = (first / name).read_bytes(), (tmp_path / name).read_bytes()
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
