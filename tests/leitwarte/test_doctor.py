"""`leitwarte doctor` against real servers, well and unwell."""

import asyncio
import datetime as dt
import json
import os
from contextlib import closing
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from typer.testing import CliRunner

from gateway.journal import Journal
from leitwarte.commands.doctor import app
from leitwarte.doctor import mail
from leitwarte.doctor import servers as looks
from leitwarte.doctor.finding import Finding, Verdict
from leitwarte.settings import Settings
from tests import servers
from tests.leitwarte.processes import started
from tests.patience import PATIENCE_S
from tests.servers import Server, free_port


def told(folder: Path, settings: dict[str, Any], *options: str) -> tuple[int, dict[str, tuple[str, str, str]]]:
    """The exit code, and what is said of each thing: verdict, finding, remedy."""
    file = folder / "leitwarte.yaml"
    file.write_text(yaml.safe_dump({"data_dir": "data", **settings}), "utf-8")
    outcome = CliRunner().invoke(app, ["-c", str(file), "--json", *options])
    assert outcome.exception is None or isinstance(outcome.exception, SystemExit), outcome.output
    lines = [json.loads(line) for line in outcome.stdout.splitlines()]
    return outcome.exit_code, {line["what"]: (line["verdict"], line["found"], line["remedy"]) for line in lines}


def influx(url: str, **more: object) -> dict[str, Any]:
    return {"store": {"kind": "influxdb", "url": url, "version": 1, "database": "doctor", **more}}


def test_a_sound_town_is_well(mosquitto: Server, tmp_path: Path) -> None:
    file = tmp_path / "town.yaml"
    broker = f"{mosquitto.host}:{mosquitto.port}"
    with started("sim", "--scenario", "sound", "--modbus-port", "0", "--mqtt", broker, "--settings", file) as sim:
        sim.wait_for(file.exists, 60, "the settings of the town")
        settings = yaml.safe_load(file.read_text("utf-8"))
        for bus in settings["modbus"]:
            bus["timeout_s"] = PATIENCE_S  # the machine may be busy
        file.write_text(yaml.safe_dump(settings), "utf-8")
        outcome = CliRunner().invoke(app, ["-c", str(file)])
    assert outcome.exit_code == 0, outcome.output
    for device in (device for bus in settings["modbus"] for device in bus["devices"]):
        assert f"OK    device {device['id']}:" in outcome.output
    assert "OK    broker town:" in outcome.output


def test_servers_up_and_down(mosquitto: Server, influxd: Server, tmp_path: Path) -> None:
    broker = {"id": "b", "host": mosquitto.host, "port": mosquitto.port}
    code, up = told(tmp_path, {**influx(influxd.url), "mqtt": [broker]})
    assert code == 0
    assert up["broker b"][0] == up["store: clock"][0] == "OK"
    assert up["store"][0] in {"OK", "WARN"}
    nobody = free_port()
    code, down = told(
        tmp_path,
        {
            **influx(f"http://127.0.0.1:{nobody}"),
            "mqtt": [{**broker, "port": nobody}],
            "modbus": [
                {"id": "m", "host": "127.0.0.1", "port": nobody, "devices": [{"id": "d", "template": "eastron/sdm630"}]}
            ],
        },
        "--grafana",
        f"http://127.0.0.1:{nobody}",
    )
    assert code == 1
    for what in ("broker b", "store", "device d", "grafana"):
        assert down[what][0] == "FAIL", down[what]
        assert "check address" in down[what][2]


def test_another_generation_of_influxdb_is_named(influxd: Server, tmp_path: Path) -> None:
    code, found = told(tmp_path, influx(influxd.url, version=2, org="o", token="t"))
    assert code == 1
    assert found["store"][0] == "FAIL"
    assert found["store"][2] == "set store: version: 1"


def test_a_wrong_password_is_named(tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    passwords.write_text("leitwarte:$7$101$AAAAAAAAAAAAAAAA$" + "A" * 86 + "==\n", "utf-8")
    passwords.chmod(0o600)
    with servers.mosquitto(tmp_path, {"allow_anonymous": "false", "password_file": str(passwords)}) as guarded:
        broker = {"id": "b", "host": guarded.host, "port": guarded.port, "username": "leitwarte", "password": "wrong-1"}
        code, found = told(tmp_path, {"mqtt": [broker]})
    assert code == 1
    assert found["broker b"][0] == "FAIL"
    assert found["broker b"][2] == "check username and password"


@pytest.mark.parametrize(
    ("days", "verdict", "says"), [(-1, "FAIL", "certificate has expired"), (5, "WARN", "4 days"), (90, "OK", "89 days")]
)
def test_certificates_are_read(days: int, verdict: str, says: str, tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path, days)
    listening = {"certfile": str(certificate), "keyfile": str(key)}
    with servers.mosquitto(tmp_path, listening) as encrypted:
        tls = {"ca_file": str(certificate), "certificate_file": str(certificate), "key_file": str(key)}
        broker = {"id": "b", "host": encrypted.host, "port": encrypted.port, "tls": tls}
        code, found = told(tmp_path, {"mqtt": [broker]})
    assert found["broker b: certificate"][0] == verdict, found
    assert says in found["broker b: certificate"][1]
    assert found["mqtt b: own certificate"][0] == verdict
    assert ("broker b" in found) == (code == 0) == (days > 0)


def self_signed(folder: Path, days: int) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that ends in so many days, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=30))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "own.pem", folder / "own.key"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    files[1].write_bytes(key.private_bytes(*plain))
    return files


def test_secrets_everybody_can_read_or_knows_are_named(mosquitto: Server, tmp_path: Path) -> None:
    shared = Path("/tmp") if os.access("/tmp", os.W_OK) else tmp_path  # pytest's own folders are closed to others
    secret = shared / f"leitwarte-{tmp_path.name}-{os.getpid()}"
    secret.write_text("changeme", "utf-8")
    try:
        secret.chmod(0o644)
        broker = {"id": "b", "host": mosquitto.host, "port": mosquitto.port, "username": "u"}
        broker["password"] = f"${{file:{secret}}}"
        settings = {
            "mqtt": [broker],
            "analytics": {"notify": ["nonsense://x", "mailtos://u:p@mail.example?to=a@b.example"]},
        }
        file = tmp_path / "leitwarte.yaml"
        file.write_text(yaml.safe_dump(settings) + "# ${file:none/such} is a comment\n", "utf-8")
        outcome = CliRunner().invoke(app, ["-c", str(file)])
    finally:
        secret.unlink()
    assert outcome.exit_code == 1
    said = " ".join(outcome.output.split())
    assert f"every user of this machine can read {secret}" in said
    assert "mqtt[0].password is one that everybody knows" in said
    assert "analytics.notify[0] is no address" in said
    assert "analytics.notify[1] is understood (mailtos)" in said
    assert "mail.example" not in said
    assert "changeme" not in said


class _Door:
    """Lets in whoever says the right password."""

    def __call__(self, server: object, session: object, envelope: object, mechanism: str, data: object) -> AuthResult:
        del server, session, envelope, mechanism
        assert isinstance(data, LoginPassword)
        return AuthResult(success=data.password == b"right", handled=False)


def test_mail_servers_are_asked_and_sent_nothing() -> None:
    controller = Controller(
        Sink(),
        hostname="127.0.0.1",
        port=free_port(),
        authenticator=_Door(),
        auth_require_tls=False,
        ready_timeout=PATIENCE_S,
    )
    controller.start()
    try:
        there = f"127.0.0.1:{controller.port}?from=a@b.example&to=c@d.example&mode=insecure"
        gone = f"127.0.0.1:{free_port()}?from=a@b.example&to=c@d.example&mode=insecure"
        channels = [f"mailto://u:right@{there}", f"mailto://u:wrong@{there}", f"mailto://u:right@{gone}"]
        settings = Settings.model_validate({"analytics": {"notify": channels}})
        found = list(mail.servers(settings))
    finally:
        controller.stop()
    assert [finding.verdict for finding in found] == ["OK", "FAIL", "FAIL"]
    assert "535" in found[1].found
    assert "Connection refused" in found[2].found
    assert not any("127.0.0.1" in " ".join(finding) or "b.example" in " ".join(finding) for finding in found)


def test_who_holds_the_outbox_is_noticed(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "gateway" / "outbox"
    assert told(tmp_path, {"language": "de"})[1]["outbox"][1] == "not used yet"
    with closing(Journal(folder, 1 << 20)) as journal:
        journal.open()
        verdict, found, _ = told(tmp_path, {"language": "de"})[1]["outbox"]
    assert told(tmp_path, {"language": "de"})[1]["outbox"][1] == "free"
    assert verdict == "WARN"
    assert "does not answer" in found


def test_a_spoiled_store_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "leitwarte.duckdb").write_bytes(b"no database" * 1000)
    code, found = told(tmp_path, {"language": "de"})
    assert code == 1
    assert found["store"][0] == "FAIL"
    assert "leitwarte restore" in found["store"][2]


@pytest.mark.parametrize(("away_s", "verdict"), [(0, "OK"), (20, "WARN"), (-20, "WARN"), (3600, "FAIL")])
def test_a_clock_that_is_wrong_is_named(away_s: float, verdict: str) -> None:
    when = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=away_s)
    answer = httpx.Response(200, headers={"Date": when.strftime("%a, %d %b %Y %H:%M:%S GMT")})
    assert looks.skew("store", answer).verdict == verdict


def test_grafana_that_is_unwell_is_named() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = b'{"database": "failing"}'
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        await writer.drain()
        writer.close()

    async def look() -> list[Finding]:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            return [finding async for finding in looks.grafana(f"http://127.0.0.1:{port}")]

    assert [finding.verdict for finding in asyncio.run(look())] == [Verdict.OK, Verdict.FAIL]
