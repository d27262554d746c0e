"""What is known of a metering point, taken along and deleted."""

import asyncio
import csv
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from leitwarte.commands.store import app
from leitwarte.settings_file import load
from metering.instant import DAY, QUARTER_HOUR, isoformat
from metering.reading import Reading
from storage.factory import open_store
from tests.servers import Server

START_US = 20_000 * DAY
DAYS = 100


@pytest.fixture(params=["embedded", "influxdb"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Settings whose store holds two devices and the results of a meter, partly condensed."""
    store: dict[str, Any] = {"kind": "embedded"}
    if request.param == "influxdb":
        influxd: Server = request.getfixturevalue("influxd")
        store = {
            "kind": "influxdb",
            "url": influxd.url,
            "version": 1,
            "database": f"forget_{tmp_path.parent.name.replace('-', '_')}",
        }
    file = tmp_path / "leitwarte.yaml"
    file.write_text(yaml.safe_dump({"store": store}), "utf-8")
    settings = load(file).settings
    readings = [
        Reading(device, quantity, float(day), START_US + day * DAY + QUARTER_HOUR)
        for device, quantity in (
            ("flat", "active_energy_import"),
            ("flat-meter", "energy_consumption"),
            ("school", "active_energy_import"),
        )
        for day in range(DAYS)
    ]

    async def fill() -> None:
        opened = open_store(settings.store_in_data_dir, settings.calendar)
        settings.data_dir.mkdir(exist_ok=True)
        await opened.start()
        await opened.write(readings)
        await opened.condense(START_US + DAYS * DAY)
        await opened.close()

    asyncio.run(fill())
    return file


def exported(file: Path, *devices: str) -> list[dict[str, str]]:
    """What `store export` gives of the devices."""
    out = file.with_suffix(".csv")
    out.unlink(missing_ok=True)
    options = [word for device in devices for word in ("--device", device)]
    outcome = CliRunner().invoke(app, ["export", str(out), "--format", "csv", "-c", str(file), *options])
    assert outcome.exit_code == 0, outcome.output
    with out.open(newline="") as opened:
        return list(csv.DictReader(opened))


def forget(file: Path, *options: str, answer: str = "") -> tuple[int, str]:
    outcome = CliRunner().invoke(app, ["forget", "-c", str(file), *options], input=answer)
    return outcome.exit_code, " ".join(outcome.output.split())


def test_a_metering_point_is_taken_along_and_forgotten(file: Path) -> None:
    others = exported(file, "school")
    taken = exported(file, "flat", "flat-meter")
    assert {row["device"] for row in taken} == {"flat", "flat-meter"}
    assert len(taken) > len(others) > 50
    assert forget(file, "flat", "flat-meter", answer="n\n")[0] == 1
    assert exported(file, "flat", "flat-meter") == taken
    code, said = forget(file, "flat", "flat-meter", "--yes")
    assert (code, said) == (0, "2 series forgotten, but for the newest reading of each")
    assert len(exported(file, "flat", "flat-meter")) == 2
    assert exported(file, "school") == others


def test_what_is_older_than_a_day_is_forgotten(file: Path) -> None:
    before = isoformat(START_US + (DAYS - 10) * DAY)
    assert forget(file, "flat", "--before", before, "--yes")[0] == 0
    assert len(exported(file, "flat")) == 10


def test_what_nobody_knows_is_named(file: Path) -> None:
    code, said = forget(file, "flatt", "flat", "--yes")
    assert code == 2
    assert "nothing of flatt" in said
    assert len(exported(file, "flat")) > 50
    assert forget(file, "flat", "--before", "yesterday", "--yes")[0] == 2
