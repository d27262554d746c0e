"""What a former version has kept is there after an upgrade; what a newer one has kept is refused, and left alone."""

import json
import sqlite3
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import httpx
import pytest
import yaml
from typer.testing import CliRunner

from dashboards.web.access.accounts import Accounts
from gateway.outbox import Outbox
from leitwarte.cli import app
from metering.clock import Clock
from tests.leitwarte.processes import leitwarte
from tests.servers import Server, free_port

FORMER = Path(__file__).parent / "upgrade" / "before-0.1.0.tar.xz"
FORMER_LINES = FORMER.with_name("before-0.1.0.lines")
"""What it has written into InfluxDB: readings, one of them doubted, an interval, an event, condensed rows."""


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """Settings whose data_dir is that of the former version."""
    with tarfile.open(FORMER) as archive:
        archive.extractall(tmp_path / "data", filter="data")
    file = tmp_path / "leitwarte.yaml"
    document = {
        "data_dir": str(tmp_path / "data"),
        "store": {"kind": "embedded"},
        "gateway": {"health": {"port": free_port()}},
        "web": {"port": free_port(), "sign_in": "local"},
    }
    file.write_text(yaml.safe_dump(document), "utf-8")
    return file


def said(settings: Path, *command: str) -> list[dict[str, object]]:
    outcome = CliRunner().invoke(app, [*command, "--json", "-c", str(settings)])
    assert outcome.exit_code == 0, outcome.output
    return [json.loads(line) for line in outcome.stdout.splitlines() if line.startswith("{")]


async def test_the_outbox_loses_nothing(settings: Path) -> None:
    outbox = Outbox(settings.parent / "data" / "gateway" / "outbox", 1 << 20, Clock())
    await outbox.open()
    batch = await outbox.take(1000)
    await outbox.close()
    assert [reading.value for reading in batch.readings][-60:] == [float(n) for n in range(140, 200)]
    assert outbox.damaged == 0


def test_store_alerts_and_quarantine_are_as_they_were(settings: Path) -> None:
    (latest,) = said(settings, "store", "latest")
    assert (latest["device"], latest["value"]) == ("school-main", 145.0)
    (alert,) = said(settings, "alerts", "list")
    assert alert["title"] == "Grundlast gestiegen"
    assert {case["reason"] for case in said(settings, "deadletter", "list")} == {"no number", "range"}


def newer_journal(data: Path) -> None:
    (data / "gateway" / "outbox" / "format").write_text("99", "ascii")


def newer_alerts(data: Path) -> None:
    with closing(sqlite3.connect(data / "alerts.db")) as connection:
        connection.execute("CREATE TABLE alert_schema (version INTEGER PRIMARY KEY)")
        connection.execute("INSERT INTO alert_schema VALUES (99)")
        connection.commit()


def newer_accounts(data: Path) -> None:
    with closing(Accounts(f"sqlite:///{data / 'accounts.db'}")):
        pass
    with closing(sqlite3.connect(data / "accounts.db")) as connection:
        connection.execute("UPDATE schema SET version = 99")
        connection.commit()


def newer_store(data: Path) -> None:
    with closing(duckdb.connect(str(data / "leitwarte.duckdb"))) as connection:
        connection.execute("CREATE TABLE format (number INTEGER NOT NULL)")
        connection.execute("INSERT INTO format VALUES (99)")


@pytest.mark.parametrize("make_newer", [newer_journal, newer_alerts, newer_accounts, newer_store])
def test_what_a_newer_version_has_kept_is_refused_in_plain_words(
    settings: Path, make_newer: Callable[[Path], None]
) -> None:
    make_newer(settings.parent / "data")
    outcome = leitwarte("run", "-c", settings)
    assert outcome.returncode == 1, outcome.stderr
    assert "has format 99, and this Leitwarte knows formats up to" in outcome.stderr
    assert "restore the backup made before the upgrade" in outcome.stderr


@pytest.fixture
def in_influxdb(settings: Path, influxd: Server) -> Iterator[Path]:
    """Settings whose store is a real InfluxDB that holds what a former version has written."""
    document = yaml.safe_load(settings.read_text("utf-8"))
    document["store"] = {"kind": "influxdb", "version": 1, "url": influxd.url, "database": "upgrade"}
    settings.write_text(yaml.safe_dump(document), "utf-8")
    influx(influxd, "/query", {"q": "CREATE DATABASE upgrade"})
    influx(influxd, "/write", {"db": "upgrade", "precision": "u"}, FORMER_LINES.read_bytes())
    yield settings
    influx(influxd, "/query", {"q": "DROP DATABASE upgrade"})


def influx(influxd: Server, path: str, parameters: dict[str, str], content: bytes = b"") -> str:
    return httpx.post(influxd.url + path, params=parameters, content=content).raise_for_status().text


def test_influxdb_is_as_it_was_and_gets_a_number(in_influxdb: Path, influxd: Server) -> None:
    latest = {(row["device"], row["quantity"]): row for row in said(in_influxdb, "store", "latest")}
    assert latest["school-main", "active_energy_import"]["value"] == 80005.0
    assert latest["school-main", "active_power"]["reason"] == "range"
    assert latest["school-electricity", "consumption"]["value"] == 3.5
    said(in_influxdb, "store", "info")  # a second start
    kept = influx(influxd, "/query", {"db": "upgrade", "q": "SELECT format FROM leitwarte"})
    assert [value[1] for value in json.loads(kept)["results"][0]["series"][0]["values"]] == [1]


def test_what_a_newer_version_has_kept_in_influxdb_is_refused(in_influxdb: Path, influxd: Server) -> None:
    influx(influxd, "/write", {"db": "upgrade"}, b"leitwarte format=99i")
    before = influx(influxd, "/query", {"db": "upgrade", "q": "SELECT * FROM /.*/"})
    outcome = leitwarte("run", "-c", in_influxdb)
    assert outcome.returncode == 1, outcome.stderr
    assert "'upgrade' at http://127.0.0.1" in outcome.stderr
    assert "has format 99, and this Leitwarte knows formats up to 1" in outcome.stderr
    assert influx(influxd, "/query", {"db": "upgrade", "q": "SELECT * FROM /.*/"}) == before


@pytest.mark.parametrize("name", ["alerts.db", "accounts.db"])
def test_what_is_no_database_is_refused_in_plain_words(settings: Path, name: str) -> None:
    (settings.parent / "data" / name).write_bytes(b"no database" * 500)
    outcome = leitwarte("run", "-c", settings)
    assert outcome.returncode == 1, outcome.stderr
    assert f"data/{name} cannot be used: file is not a database" in outcome.stderr
    assert "Traceback" not in outcome.stderr
