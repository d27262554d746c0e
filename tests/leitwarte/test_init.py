"""`leitwarte init`: what it writes is right, and runs."""

import re
import signal
import stat
import tempfile
import urllib.request
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from leitwarte.commands.init import app
from leitwarte.first_settings import Answers, Influx, Modbus, Mqtt, plain, settings_text
from leitwarte.settings_file import load
from storage.settings import InfluxSettings
from tests.leitwarte.processes import leitwarte, started
from tests.patience import PATIENCE_S
from tests.servers import free_port


def test_what_is_written_without_asking_runs(tmp_path: Path) -> None:
    file = tmp_path / "leitwarte.yaml"
    written = leitwarte("init", "--yes", "-c", file, "--modbus", f"127.0.0.1:{free_port()}")
    assert written.returncode == 0, written.stderr
    checked = leitwarte("check", "-c", file)
    assert checked.returncode == 0, checked.stderr
    health, web = free_port(), free_port()
    ports = {"9108": str(health), "8080": str(web)}
    file.write_text(re.sub(r"\b(9108|8080)\b", lambda found: ports[found[0]], file.read_text("utf-8")), "utf-8")
    with started("run", "-c", file) as running:
        running.wait_for(lambda: answers(f"http://127.0.0.1:{web}/health"), 90, "the web app")
        running.wait_for(lambda: answers(f"http://127.0.0.1:{health}/health/live"), 30, "the gateway")
        assert running.end(signal.SIGTERM) == 0, running.said[-3000:]
        assert "nanobind" not in running.said, "DuckDB's binding complains of what nobody freed"


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_a_person_is_asked_and_asked_again(tmp_path: Path) -> None:
    file = tmp_path / "leitwarte.yaml"
    said = [
        "fr", "de", "Offenbach am Main", "Schillerschule Süd",
        "http://db:8086", "2", "", "stadt", "geheim-1",
        "broker.stadt.example:99999", "broker.stadt.example", "leitwarte", "geheim-2",
        "10.20.0.15", "7", "eastron/sdm6300", "eastron/sdm630",
    ]  # fmt: skip
    outcome = CliRunner().invoke(app, ["-c", str(file)], input="\n".join(said) + "\n")
    assert outcome.exit_code == 0, outcome.output
    for complaint in ("'fr' is none of de, en", "write HOST or HOST:PORT", "did you mean eastron/sdm630"):
        assert complaint in outcome.output
    assert "geheim" not in outcome.output + file.read_text("utf-8")
    settings = load(file).settings
    assert isinstance(settings.store, InfluxSettings)
    assert (settings.store.org, settings.store.database) == ("stadt", "leitwarte")
    assert settings.store.token is not None
    assert settings.store.token.get_secret_value() == "geheim-1"
    (broker,) = settings.mqtt
    assert broker.password is not None
    assert broker.password.get_secret_value() == "geheim-2"
    assert settings.modbus[0].devices[0].unit == 7
    assert list(settings.estate().meters) == ["schillerschule-sued-electricity"]
    for secret in (tmp_path / "secrets").iterdir():
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "leitwarte.yaml"
    file.write_text("mine", "utf-8")
    outcome = CliRunner().invoke(app, ["--yes", "-c", str(file)])
    assert outcome.exit_code == 2
    assert "nothing is overwritten" in outcome.stderr
    assert file.read_text("utf-8") == "mine"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--language", "fr"), "'fr' is none of de, en"),
        (("--store", "db:8086"), "neither embedded nor a URL"),
        (("--store", "http://db:8086/path"), "string should match pattern"),
        (("--modbus", "h:0"), "write HOST or HOST:PORT"),
        (("--modbus", "h", "--template", "no/such"), "no device template"),
        (("--city", "a\nweb: {host: 0.0.0.0}"), "plain text on one line"),
        (("--city", "${file:/etc/passwd}"), "plain text on one line"),
        (("--building", " "), "a name is needed"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_written(options: tuple[str, ...], says: str, tmp_path: Path) -> None:
    outcome = CliRunner().invoke(app, ["--yes", "-c", str(tmp_path / "leitwarte.yaml"), *options])
    assert outcome.exit_code == 2, outcome.output
    assert says in " ".join(outcome.stderr.split())
    assert list(tmp_path.iterdir()) == []


names = st.text(min_size=1, max_size=30).filter(lambda text: text.isprintable() and "${" not in text and text.strip())
stores = st.sampled_from(
    [
        None,
        *(Influx("http://db:8086", version, "d", "o", "t") for version in (1, 2, 3)),
        Influx("http://db", 1, "d", "", ""),
    ]
)
brokers = st.sampled_from([None, Mqtt("b", 1883), Mqtt("b", 8883, "user", "password")])
devices = st.sampled_from(
    [
        None,
        Modbus("m", 502, 1, "eastron/sdm630"),
        Modbus("m", 502, 1, "heidelberg/energy_control"),
        Modbus("m", 1, 1, "dynaflox/ultrad"),
    ]
)


@given(names, names, stores, brokers, devices)
def test_whatever_is_answered_the_file_is_in_order(
    city: str, building: str, influx: Influx | None, mqtt: Mqtt | None, modbus: Modbus | None
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "leitwarte.yaml"
        file.write_text(settings_text(Answers("en", plain(city), plain(building), influx, mqtt, modbus)), "utf-8")
        settings = load(file).settings
    assert settings.sites[0].name == city.strip()
    assert settings.sites[0].buildings[0].name == building.strip()
    settings.estate()
