"""Encrypted connections and passwords against a real mosquitto, with a certificate authority made for the test."""

import asyncio
import contextlib
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import aiomqtt
import pytest

from collectors.mqtt.collector import MqttCollector
from collectors.mqtt.session import Version, connected
from collectors.mqtt.settings import MqttSettings
from metering.clock import Clock
from tests import servers
from tests.collectors.mqtt.recording import RecordingSink
from tests.patience import PATIENCE_S

VERSIONS = ["5", "3.1.1"]
USER, PASSWORD = "leitwarte", "Wärme & Strom"


class Certificates(NamedTuple):
    """A CA, and what it signed for the server (127.0.0.1, no name) and for a client."""

    ca: Path
    server: Path
    server_key: Path
    client: Path
    client_key: Path


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder = tmp_path_factory.mktemp("certificates")
    openssl = servers.executable("openssl")

    def run(*arguments: str | Path) -> None:
        subprocess.run([openssl, *map(str, arguments)], check=True, capture_output=True, cwd=folder)

    elliptic = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    run("req", "-x509", *elliptic, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=Test CA")
    (folder / "extensions").write_text("subjectAltName=IP:127.0.0.1\n")
    for name in ("server", "client"):
        run("req", *elliptic, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        signing = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "extensions")
        run("x509", "-req", "-in", f"{name}.csr", *signing, "-out", f"{name}.pem")
    files = ("ca.pem", "server.pem", "server.key", "client.pem", "client.key")
    return Certificates(*(folder / file for file in files))


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[servers.Server]:
    """Asks clients for a certificate, and for nothing else."""
    extra = {
        "cafile": str(certificates.ca),
        "certfile": str(certificates.server),
        "keyfile": str(certificates.server_key),
        "require_certificate": "true",
    }
    with servers.mosquitto(tmp_path_factory.mktemp("encrypted"), extra) as server:
        yield server


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    """Asks for a password."""
    folder = tmp_path_factory.mktemp("guarded")
    passwords = folder / "passwords"
    subprocess.run([servers.executable("mosquitto_passwd"), "-c", "-b", passwords, USER, PASSWORD], check=True)
    passwords.chmod(0o600)
    with servers.mosquitto(folder, {"allow_anonymous": "false", "password_file": str(passwords)}) as server:
        yield server


def settings(server: servers.Server, name: str, **changes: Any) -> MqttSettings:
    plug = {"id": "plug", "format": "zigbee2mqtt", "topic": f"zigbee2mqtt/{name}"}
    fields = {"id": name, "host": server.host, "port": server.port, "devices": [plug], **changes}
    return MqttSettings.model_validate(fields)


def trusting(certificates: Certificates) -> dict[str, Path]:
    return {
        "ca_file": certificates.ca,
        "certificate_file": certificates.client,
        "key_file": certificates.client_key,
    }


def client_context(certificates: Certificates) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=certificates.ca)
    context.load_cert_chain(certificates.client, certificates.client_key)
    return context


@contextlib.asynccontextmanager
async def running(config: MqttSettings, sink: RecordingSink) -> AsyncIterator[MqttCollector]:
    collector = MqttCollector(config, Clock())
    task = asyncio.create_task(collector.run(sink))
    try:
        yield collector
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def connection(collector: MqttCollector) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not collector.counts.connections:  # noqa: ASYNC110 - the collector counts, and tells no one
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("protocol", VERSIONS)
async def test_values_arrive_encrypted(
    encrypted: servers.Server, certificates: Certificates, sink: RecordingSink, protocol: str
) -> None:
    config = settings(encrypted, f"tls{protocol[0]}", protocol=protocol, tls=trusting(certificates))
    async with running(config, sink) as collector:
        await connection(collector)
        context = client_context(certificates)
        async with aiomqtt.Client(encrypted.host, encrypted.port, tls_context=context) as client:
            for n in range(100):
                await client.publish(config.devices[0].topic, f'{{"power":{n}}}', qos=1)
        await sink.until(readings=100)
    assert sink.values("plug") == list(range(100))


@pytest.mark.parametrize("protocol", VERSIONS)
async def test_a_flood_over_tls_is_held_back_and_then_delivered(
    encrypted: servers.Server, certificates: Certificates, protocol: Version
) -> None:
    """Bytes that TLS has decrypted already wake no selector: what was held back must come all the same."""
    config = settings(encrypted, f"flood{protocol[0]}", tls=trusting(certificates))
    topic, total, size = config.devices[0].topic, 300, 2000
    async with connected(config, protocol, Clock().now_us, limit=10) as session:
        await session.subscribe([topic])
        context = client_context(certificates)
        async with aiomqtt.Client(encrypted.host, encrypted.port, tls_context=context) as client:
            for _ in range(total):
                await client.publish(topic, b"x" * size, qos=0)
        async with asyncio.timeout(PATIENCE_S):
            got = 0
            while got < total:
                assert session.waiting <= 10 + 2**14 // size + 1, "at most what one TLS record holds beyond the limit"
                got += len(await session.receive(500))
    assert got == total


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_certificate_that_cannot_be_verified_is_refused_and_said(
    encrypted: servers.Server, certificates: Certificates, sink: RecordingSink, host: str
) -> None:
    """By the system's authorities the CA is unknown; by name, the certificate is another server's."""
    trust = {} if host == "127.0.0.1" else trusting(certificates)
    async with running(settings(encrypted, "untrusted", host=host, tls=trust), sink) as collector:
        await sink.until(failures=1)
    assert collector.counts.connections == 0
    assert "certificate verify failed" in sink.failures[0][1]


async def test_a_file_that_is_not_there_is_named(
    encrypted: servers.Server, certificates: Certificates, sink: RecordingSink, tmp_path: Path
) -> None:
    for changes in ({"ca_file": tmp_path / "absent.pem"}, {"certificate_file": tmp_path / "absent.pem"}):
        config = settings(encrypted, "absent", tls={**trusting(certificates), **changes})
        with pytest.raises(OSError, match=r"absent\.pem"):
            await MqttCollector(config, Clock()).run(sink)


@pytest.mark.parametrize("protocol", [*VERSIONS, "auto"])
async def test_the_right_password_opens(guarded: servers.Server, sink: RecordingSink, protocol: str) -> None:
    config = settings(guarded, f"user{protocol[0]}", username=USER, password=PASSWORD, protocol=protocol)
    async with running(config, sink) as collector:
        await connection(collector)
        async with aiomqtt.Client(guarded.host, guarded.port, username=USER, password=PASSWORD) as client:
            await client.publish(config.devices[0].topic, '{"power":7}', qos=1)
        await sink.until(readings=1)
    assert sink.values("plug") == [7]
    assert sink.failures == []


@pytest.mark.parametrize("protocol", [*VERSIONS, "auto"])
@pytest.mark.parametrize("password", ["wrong", None])
async def test_a_wrong_password_is_said_and_never_shown(
    guarded: servers.Server, sink: RecordingSink, protocol: str, password: str | None
) -> None:
    config = settings(guarded, "wrong", username=USER, password=password, protocol=protocol)
    async with running(config, sink) as collector:
        await sink.until(failures=1)
    assert collector.counts.connections == 0
    reason = sink.failures[0][1].lower()
    assert "not authorized" in reason or "not authorised" in reason or "bad user name or password" in reason
    assert "wrong" not in reason.replace("broker wrong", "")
    assert "wrong'" not in repr(config.password)
