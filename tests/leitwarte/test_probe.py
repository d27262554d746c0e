"""``leitwarte probe`` on a simulated meter, as a real process."""

import json
import socket
import threading
from collections.abc import Iterator

import pytest
import yaml
from typer.testing import CliRunner, Result

from leitwarte.commands.probe import app
from tests.leitwarte.processes import leitwarte, started
from tests.servers import Server, free_port


@pytest.fixture(scope="module")
def port(mosquitto: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Of the town's school bus: unit 2 is an Eastron SDM630."""
    file = tmp_path_factory.mktemp("probe") / "town.yaml"
    broker = f"{mosquitto.host}:{mosquitto.port}"
    with started("sim", "--scenario", "sound", "--modbus-port", "0", "--mqtt", broker, "--settings", file) as sim:
        sim.wait_for(file.exists, 60, "the settings of the town")
        buses = {bus["id"]: bus["port"] for bus in yaml.safe_load(file.read_text("utf-8"))["modbus"]}
        yield buses["school"]


def test_a_table_marks_what_looks_like_a_measurement(port: int) -> None:
    outcome = leitwarte(
        "probe", "modbus", f"127.0.0.1:{port}", "--unit", "2", "--input", "--count", "6", "--again", "0"
    )
    assert outcome.returncode == 0, outcome.stderr
    marked = [line for line in outcome.stdout.splitlines() if "f32:" in line]
    assert [line.split()[0] for line in marked] == ["0", "2", "4"]
    assert all(line.rstrip().endswith("V") for line in marked)


def test_json_has_every_type_and_order(port: int) -> None:
    address = ("--unit", "2", "--input", "--address", "70", "--count", "6")
    told = json.loads(leitwarte("probe", "modbus", f"127.0.0.1:{port}", *address, "--json").stdout)
    assert len(told["words"]) == 6
    assert len(told["later"]) == 6
    here = [value for value in told["values"] if value["address"] == 70]
    assert {value["type"] for value in here} >= {"u16", "i16", "u32", "i32", "u64", "i64", "f32", "f64", "bcd32"}
    assert {value["order"] for value in here} == {"ABCD", "CDAB", "BADC", "DCBA"}
    assert next(value["looks_like"] for value in here if value["looks_like"]).endswith("Hz")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--unit", "2", "--holding"), "try another --address"),
        (("--unit", "99"), "check unit id, wiring"),
        (("--unit", "2", "--input", "--address", "9000"), "it has no such registers"),
    ],
)
def test_a_refusal_comes_with_a_remedy(port: int, arguments: tuple[str, ...], says: str) -> None:
    outcome = called(f"127.0.0.1:{port}", *arguments)
    assert outcome.exit_code == 1
    assert says in outcome.stderr


def called(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["modbus", *arguments])


def test_silence_and_nobody() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        accepted: list[socket.socket] = []
        threading.Thread(target=lambda: accepted.append(server.accept()[0]), daemon=True).start()
        silent = called(f"127.0.0.1:{server.getsockname()[1]}", "--timeout", "0.3")
    assert silent.exit_code == 1
    assert "no answer within 0.3 s" in silent.stderr
    assert "leitwarte discover modbus" in silent.stderr
    nobody = called(f"127.0.0.1:{free_port()}")
    assert nobody.exit_code == 1
    assert "nothing listens there" in nobody.stderr
    wrong = called("127.0.0.1", "--address", "65530", "--count", "20")
    assert wrong.exit_code == 2
