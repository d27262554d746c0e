"""`leitwarte exchange`: record, list, put right, withdraw; refusals say what to do."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from leitwarte.cli import app

SETTINGS = """
modbus:
  - {id: bus, host: 127.0.0.1, devices: [{id: main, template: eastron/sdm630, unit: 1}]}
sites:
  - id: town
    buildings:
      - id: school
        meters:
          - {id: main, carrier: electricity, device: main, register: active_energy_import}
          - {id: twice, carrier: electricity, formula: 2 * main}
"""
NOTED = ("--at", "2026-05-04T10:30", "--end", "48211.3", "--start", "137.4", "--serial", "1EMH0012345678")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "leitwarte.yaml"
    path.write_text(SETTINGS)
    return path


def call(config: Path, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["exchange", *arguments, "-c", str(config)])
    return result.exit_code, result.output


def test_an_exchange_is_recorded_listed_and_withdrawn(config: Path) -> None:
    assert call(config, "main") == (0, "no exchanges recorded\n")
    code, said = call(config, "main", *NOTED, "--old-serial", "old", "--as", "Ali", "-m", "Zettel", "--json")
    assert code == 0
    entry = json.loads(said)
    assert (entry["time"], entry["end"], entry["start"], entry["by"]) == ("2026-05-04T08:30:00Z", 48211.3, 137.4, "Ali")
    code, said = call(config, "main", "--withdraw", "2026-05-04T08:30:00Z")
    assert (code, "withdrawn" in said) == (0, True)
    code, said = call(config, "main", "--json")
    assert [json.loads(line)["withdrawn"] for line in said.splitlines()] == [False, True]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("mian", *NOTED), "there is no meter 'mian'; known: main, twice"),
        (("twice", *NOTED), "computed from others"),
        (("main", "--at", "2026-05-04T10:30"), "needs --end, the last index"),
        (("main", *NOTED, "--withdraw", "2026-05-04T10:30"), "--at or --withdraw, not both"),
        (("main", "--withdraw", "2026-05-04T10:30"), "no exchange of meter 'main' is recorded"),
        (("main", *NOTED[2:], "--at", "yesterday"), "'yesterday' is no time; write one such as 2026-05-04T10:30"),
        (("main", *NOTED[2:], "--at", "2999-01-01T00:00"), "is still to come"),
    ],
)
def test_refusals_say_what_to_do(config: Path, arguments: tuple[str, ...], why: str) -> None:
    code, said = call(config, *arguments)
    assert code == 2
    assert why in said
