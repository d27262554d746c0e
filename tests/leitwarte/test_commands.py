"""The commands as a user calls them: what they print, and the exit codes scripts rely on."""

import csv
import gzip
import json
import math
from pathlib import Path

import pytest

from analytics.anomaly.detect_file import detect_file
from metering import instant
from tests.leitwarte.processes import called, leitwarte

SETTINGS = """\
store:
  kind: embedded
sites:
  - id: campus
    buildings:
      - id: school
        meters:
          - { id: school-supply, carrier: electricity, device: school-main, register: active_energy_import }
modbus:
  - id: school-bus
    host: 127.0.0.1
    port: 5020
    devices:
      - { id: school-main, unit: 1, template: eastron/sdm630, building: school }
"""


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    path = tmp_path / "leitwarte.yaml"
    path.write_text(SETTINGS, "utf-8")
    return path


def test_help_lists_every_command() -> None:
    outcome = leitwarte("--help")
    assert outcome.returncode == 0
    for name in ("demo", "run", "check", "sim", "decode", "detect", "dashboards", "carbon", "report", "store"):
        assert f" {name} " in outcome.stdout


def test_check_says_what_each_line_will_do(settings: Path) -> None:
    outcome = called("check", "-c", settings)
    assert outcome.returncode == 0, outcome.stderr
    assert "connect to Modbus TCP 127.0.0.1:5020" in outcome.stdout
    assert "meter school-supply: electricity supply from school-main" in outcome.stdout


def test_check_names_line_and_remedy_of_a_mistake(settings: Path) -> None:
    settings.write_text(SETTINGS.replace("template:", "tempalte:"), "utf-8")
    outcome = called("check", "-c", settings)
    assert outcome.returncode == 2
    assert "leitwarte.yaml:14:" in outcome.stderr
    assert "did you mean 'template'?" in outcome.stderr
    assert "Traceback" not in outcome.stderr
    told = json.loads(called("check", "-c", settings, "--json").stdout)
    assert told["ok"] is False
    assert {problem["line"] for problem in told["problems"]} == {13, 14}  # the key is unknown, and one is missing


def test_the_schema_is_one(settings: Path) -> None:
    schema = json.loads(called("check", "--schema", "-c", settings).stdout)
    assert {"store", "modbus", "mqtt", "sites"} <= schema["properties"].keys()


def test_decode_modbus_prints_readings(tmp_path: Path) -> None:
    words = tmp_path / "words.json"
    words.write_text(json.dumps({"0": [0x4366, 0x3333], "72": [0x4640, 0xE400]}))
    outcome = called("decode", "modbus", "--template", "eastron/sdm630", "--words", words, "--device", "main")
    assert outcome.returncode == 0, outcome.stderr
    readings = [json.loads(line) for line in outcome.stdout.splitlines()]
    assert {"device": "main", "quantity": "voltage_l1", "value": 230.2, "unit": "V", "time": None} in readings
    assert [r["value"] for r in readings if r["quantity"] == "active_energy_import"] == [12345.0]


def test_decode_mqtt_prints_readings_with_their_time() -> None:
    params = '{"ts":1788820998.5,"em1:0":{"id":0,"act_power":-1899.8}}'
    payload = f'{{"src":"shellyemg3","method":"NotifyStatus","params":{params}}}'
    outcome = called("decode", "mqtt", "--topic", "shellyemg3/events/rpc", "--payload", payload)
    (reading,) = [json.loads(line) for line in outcome.stdout.splitlines()]
    assert (reading["value"], reading["unit"], reading["time"]) == (-1899.8, "W", "2026-09-07T22:43:18.500000Z")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("decode", "mqtt", "--topic", "t", "--payload", "x"), 1, "no format recognises"),
        (("decode", "mqtt", "--topic", "t"), 2, "give the payload once"),
        (("decode", "mqtt", "--topic", "t", "--payload", "x", "--format", "nope"), 2, "nope"),
        (("decode", "modbus", "--template", "eastron/sdm631", "--words", "nowhere.json"), 2, "nowhere.json"),
        (("carbon", "factors", "nope"), 2, "unknown factor set 'nope'"),
        (("health", "http://127.0.0.1:9/health"), 1, "127.0.0.1:9"),
        (("health", "http://[::1"), 1, "http://[::1"),
        (("store", "info", "-c", "nowhere.yaml"), 2, "cannot be read"),
        (("sim", "--scenario", "nope", "--modbus-port", "0"), 2, "no scenario 'nope'"),
        (("sim", "--replay", "nowhere.csv"), 1, "nowhere.csv"),
        (("demo", "--for", "soon"), 2, "no length of time"),
        (("report", "co2", "--period", "2026-13"), 2, ""),
    ],
)
def test_wrong_calls_end_with_a_reason(arguments: tuple[str, ...], code: int, said: str) -> None:
    outcome = (leitwarte if arguments[0] == "sim" else called)(*arguments)  # which sets up logging
    assert outcome.returncode == code, outcome.stderr
    assert said in outcome.stderr
    assert "Traceback" not in outcome.stderr


@pytest.mark.parametrize(
    ("content", "call", "code", "said"),
    [
        ({"5": [1]}, ("modbus", "--template", "sunspec/inverter", "--words"), 1, "chain of SunSpec models"),
        ({"0": [70_000]}, ("modbus", "--template", "eastron/sdm630", "--words"), 1, "no word"),
        ({"vectors": []}, ("vectors",), 0, "0 of 0"),
        ({"vectors": [{"id": "v1", "topic": "t"}]}, ("vectors",), 1, "v1: not understood"),
        ({"vectors": [{"id": "v1"}]}, ("vectors",), 1, "v1: not understood"),
        ({"vectors": [1]}, ("vectors",), 2, "no file of test vectors"),
    ],
)
def test_decode_says_what_is_wrong_with_a_file(
    tmp_path: Path, content: object, call: tuple[str, ...], code: int, said: str
) -> None:
    file = tmp_path / "file.json"
    file.write_text(json.dumps(content))
    outcome = called("decode", *call, file)
    assert outcome.returncode == code
    assert said in outcome.stdout + outcome.stderr


def test_factors_carry_their_source() -> None:
    lines = called("carbon", "factors", "uba-16-2026", "--json").stdout.splitlines()
    factors = [json.loads(line) for line in lines]
    assert all(factor["source"] and factor["url"].startswith("https://") for factor in factors)
    (factor,) = [f for f in factors if f["id"] == "uba-16-2026/electricity/DE/2024-01-01/CO2e/upstream"]
    assert factor["g_per_kwh"] == "414"


BEGIN = instant.parse("2026-01-05T00:00:00Z")
SPIKE, BROKEN = 24 * 50 + 12, 24 * 20


def test_detect_finds_a_spike_and_names_a_bad_row(tmp_path: Path) -> None:
    source = tmp_path / "series.csv.gz"
    with gzip.open(source, "wt") as file:
        file.write("series_id,timestamp,value\n")
        for hour in range(24 * 60):
            usual = 4 + 3 * math.sin(hour / 24 * 2 * math.pi) + (hour * 7919 % 13) / 50
            value = {SPIKE: "60.0", BROKEN: "kaputt"}.get(hour, f"{usual:.3f}")
            file.write(f"hall,{instant.isoformat(BEGIN + hour * instant.HOUR)},{value}\n")
    out = tmp_path / "scores.csv"
    outcome = leitwarte("detect", source, "--out", out, "--carrier", "electricity", "--json")
    assert outcome.returncode == 0, outcome.stderr
    assert "kaputt" in outcome.stderr
    with out.open() as file:
        rows = list(csv.DictReader(file))
    assert rows[0].keys() == {"series_id", "timestamp", "score", "is_alert", "kind", "expected", "lower", "upper"}
    (spike,) = [row for row in rows if row["timestamp"] == instant.isoformat(BEGIN + SPIKE * instant.HOUR)]
    assert spike["is_alert"] == "1"
    assert spike["kind"] == "spike"


def test_detect_goes_by_the_local_week_it_is_given(tmp_path: Path) -> None:
    """Whit Monday 2026, a holiday in Germany: what to expect of it is a Sunday's there, and a Monday's elsewhere."""
    source = tmp_path / "series.csv"
    with source.open("w") as file:
        file.write("series_id,timestamp,value\n")
        for hour in range(24 * 142):  # to 26 May
            busy = hour // 24 % 7 < 5 and 7 <= hour % 24 < 17
            at = instant.isoformat(BEGIN + hour * instant.HOUR)
            file.write(f"hall,{at},{(9 if busy else 2) + (hour * 7919 % 13) / 50:.3f}\n")
    detect_file(source, tmp_path / "here.csv", workers=1)
    outcome = leitwarte("detect", source, "--out", tmp_path / "nowhere.csv", "--region", "none", "--timezone", "UTC")
    assert outcome.returncode == 0, outcome.stderr
    expected = {}
    for name in ("here", "nowhere"):
        with (tmp_path / f"{name}.csv").open() as file:
            noon = [row for row in csv.DictReader(file) if row["timestamp"] == "2026-05-25T12:00:00Z"]
        expected[name] = float(noon[0]["expected"])
    assert expected["here"] < 4
    assert expected["nowhere"] > 7
    refused = leitwarte("detect", source, "--out", tmp_path / "no.csv", "--region", "Texas")
    assert (refused.returncode, "Texas" in refused.stderr) == (2, True)
    assert not (tmp_path / "no.csv").exists()


def test_store_and_reports_answer_on_an_empty_store(settings: Path) -> None:
    info = json.loads(called("store", "info", "-c", settings, "--json").stdout)
    assert info["readings"] == 0
    report = called("report", "co2", "--period", "2026-01-05", "-c", settings)
    assert report.returncode == 0, report.stderr
    assert report.stdout.startswith("\ufeff") or "Gebäude" in report.stdout
