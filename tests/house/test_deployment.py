"""The Compose file and what it mounts.

No container engine is started: the file is held against the Compose specification's schema, and the parts that run
natively are run.
"""

import asyncio
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import aiomqtt
import pytest
import yaml

from tests import servers
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def compose() -> dict[str, dict[str, dict[str, object]]]:
    loaded: dict[str, dict[str, dict[str, object]]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return loaded


def make_secrets(folder: Path) -> None:
    subprocess.run([sys.executable, ROOT / "deploy" / "make-secrets.py", folder], check=True)


def test_compose_files_follow_the_specification() -> None:
    checker = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    command = [*checker, "docker-compose.yml", "deploy/small.yml"]
    outcome = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def test_every_service_is_confined_and_watched(compose: dict[str, dict[str, dict[str, object]]]) -> None:
    for name, service in compose["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["read_only"] is True, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "max-size" in str(service["logging"]), name
        if name != "dashboards":
            assert "healthcheck" in service, name
        if not str(service["image"]).startswith("leitwarte"):
            assert str(service["user"]) not in ("0", "root", "0:0"), name
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert "USER leitwarte" in dockerfile


def test_a_box_of_2_gb_has_room_for_all_that_it_starts(compose: dict[str, dict[str, dict[str, object]]]) -> None:
    small = yaml.safe_load((ROOT / "deploy" / "small.yml").read_text("utf-8"))["services"]
    assert small.keys() == compose["services"].keys()
    started = [service for service in small.values() if "profiles" not in service]
    assert sum(int(service["mem_limit"].removesuffix("m")) for service in started) <= 1900  # MiB; the system wants some


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


def test_the_broker_gives_least_rights(tmp_path: Path) -> None:
    """The gateway writes its state only, a device below its own name only."""
    passwords = tmp_path / "passwords"
    users = {"leitwarte": "word-1", "plug": "word-2", "meter": "word-3"}
    made = runpy.run_path(str(ROOT / "deploy" / "make-secrets.py"))
    passwords.write_text("".join(made["mosquitto_entry"](user, word) for user, word in users.items()), "utf-8")
    rights = tmp_path / "rights.acl"
    rights.write_text((ROOT / "deploy" / "mosquitto.acl").read_text("utf-8"), "utf-8")
    for file in (passwords, rights):
        file.chmod(0o600)
    tries = [
        ("plug", "plug/state", True),
        ("plug", "tele/plug/SENSOR", True),
        ("plug", "meter/state", False),
        ("plug", "leitwarte/broker/status", False),
        ("leitwarte", "leitwarte/broker/status", True),
        ("leitwarte", "plug/command", False),
    ]

    async def heard() -> set[str]:
        arrived: set[str] = set()
        async with aiomqtt.Client(
            broker.host, broker.port, username="leitwarte", password=users["leitwarte"]
        ) as gateway:
            await gateway.subscribe("#")
            for user, topic, _ in tries:
                async with aiomqtt.Client(broker.host, broker.port, username=user, password=users[user]) as client:
                    await client.publish(topic, f"{user} {topic}", qos=1)
            async with aiomqtt.Client(broker.host, broker.port, username="meter", password=users["meter"]) as client:
                await client.publish("meter/end", "end", qos=1)
            async with asyncio.timeout(PATIENCE_S):
                async for message in gateway.messages:
                    if message.topic.value == "meter/end":
                        return arrived
                    assert isinstance(message.payload, bytes)
                    arrived.add(message.payload.decode())
        return arrived

    settings = {"allow_anonymous": "false", "password_file": str(passwords), "acl_file": str(rights)}
    with servers.mosquitto(tmp_path, settings) as broker:
        arrived = asyncio.run(heard())
    assert arrived == {f"{user} {topic}" for user, topic, may in tries if may}


def test_the_unit_is_right_and_confined(tmp_path: Path) -> None:
    analyze = servers.executable("systemd-analyze")
    unit = ROOT / "deploy" / "leitwarte@.service"
    runnable = tmp_path / "leitwarte@gateway.service"
    runnable.write_text(unit.read_text("utf-8").replace("/opt/leitwarte/bin/leitwarte", "/bin/true"), "utf-8")
    if not os.access("/run/systemd", os.W_OK) and not Path("/run/systemd/system").exists():
        pytest.skip("systemd-analyze wants /run/systemd, which only systemd or root makes")
    environment = servers.environment()
    verify = [analyze, "verify", "--man=no", runnable]
    verified = subprocess.run(verify, capture_output=True, text=True, check=False, env=environment)
    assert (verified.returncode, verified.stderr) == (0, "")
    command = [analyze, "security", "--offline=yes", "--threshold=20", unit]  # 2.0 of 10
    judged = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert judged.returncode == 0, judged.stdout[-300:]


def test_the_units_settings_can_be(tmp_path: Path) -> None:
    """The file for containers, with systemd's credentials, is what docs/operation.md says to begin with."""
    unit = (ROOT / "deploy" / "leitwarte@.service").read_text("utf-8")
    names = re.findall(r"^LoadCredential=(\w+):", unit, re.MULTILINE)
    text = (ROOT / "deploy" / "leitwarte.yaml").read_text("utf-8").replace("${file:/run/secrets/", "${credential:")
    assert set(names) == set(re.findall(r"\$\{credential:(\w+)\}", text)) - {"NAME"}
    for name in names:
        (tmp_path / name).write_text("x", "utf-8")
    (tmp_path / "leitwarte.yaml").write_text(text, "utf-8")
    command = [Path(sys.executable).with_name("leitwarte"), "check", "-c", tmp_path / "leitwarte.yaml"]
    environment = {**os.environ, "CREDENTIALS_DIRECTORY": str(tmp_path)}
    checked = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
