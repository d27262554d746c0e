"""The Compose file and what it mounts.

No container engine is started: the file is held against the Compose specification's schema, and the parts that run
natively are run.
"""

import asyncio
import subprocess
import sys
from pathlib import Path

import aiomqtt
import pytest
import yaml

from tests import servers

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def compose() -> dict[str, dict[str, dict[str, object]]]:
    loaded: dict[str, dict[str, dict[str, object]]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return loaded


def make_secrets(folder: Path) -> None:
    subprocess.run([sys.executable, ROOT / "deploy" / "make-secrets.py", folder], check=True)


def test_compose_file_follows_the_specification() -> None:
    command = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.compose-spec",
        "docker-compose.yml",
    ]
    outcome = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def test_every_service_is_confined_and_watched(compose: dict[str, dict[str, dict[str, object]]]) -> None:
    for name, service in compose["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        if name != "dashboards":
            assert "healthcheck" in service, name
        if not str(service["image"]).startswith("leitwarte"):
            assert str(service["user"]) not in ("0", "root", "0:0"), name
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert "USER leitwarte" in dockerfile


def test_every_mounted_file_and_secret_is_there(
    compose: dict[str, dict[str, dict[str, object]]], tmp_path: Path
) -> None:
    make_secrets(tmp_path / "secrets")
    for name, secret in compose["secrets"].items():
        assert (tmp_path / str(secret["file"])).read_text().strip(), name
    for name, service in compose["services"].items():
        volumes = service.get("volumes", [])
        assert isinstance(volumes, list)
        for volume in volumes:
            source = str(volume).split(":", 1)[0]
            if source.startswith("."):
                assert (ROOT / source).is_file(), f"{name} mounts {source}"


def test_making_secrets_twice_keeps_the_first(tmp_path: Path) -> None:
    make_secrets(tmp_path / "secrets")
    before = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    make_secrets(tmp_path / "secrets")
    assert {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()} == before
    assert len(set(before.values())) == len(before)


async def test_the_broker_accepts_the_generated_password_and_no_other(tmp_path: Path) -> None:
    await asyncio.to_thread(make_secrets, tmp_path / "secrets")
    folder = tmp_path / "broker"
    folder.mkdir()
    settings = {"allow_anonymous": "false", "password_file": str(tmp_path / "secrets" / "mqtt_password_file")}
    with servers.mosquitto(folder, settings) as broker:

        async def sign_in(password: str) -> None:
            async with aiomqtt.Client(broker.host, broker.port, username="leitwarte", password=password):
                pass

        await sign_in((tmp_path / "secrets" / "mqtt_password").read_text())
        with pytest.raises(aiomqtt.MqttError, match=r"(?i)not authori[sz]ed"):
            await sign_in("guess")
