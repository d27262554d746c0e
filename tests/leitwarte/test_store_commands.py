"""Importing, exporting, moving, saving and bringing back, as a user does it; in this process, which is faster."""

import json
import signal
import socket
import sqlite3
import subprocess
import tarfile
import time
from contextlib import chdir, closing
from pathlib import Path
from threading import Thread

import duckdb
import pytest

from leitwarte.settings_file import load
from tests.leitwarte.processes import COMMAND, called, started
from tests.servers import Server

SETTINGS = """\
store: {store}
sites:
  - id: campus
    buildings:
      - id: school
        meters:
          - {{ id: school-supply, carrier: electricity, device: main, register: active_energy_import }}
modbus:
  - {{ id: bus, host: 127.0.0.1, port: 5020, devices: [{{ id: main, unit: 1, template: eastron/sdm630 }}] }}
"""


def installation(folder: Path, store: str = "{ kind: embedded }") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "leitwarte.yaml"
    path.write_text(SETTINGS.format(store=store), "utf-8")
    return path


def load_profile(folder: Path, days: int = 3) -> Path:
    path = folder / "lastgang.csv"
    rows = [
        f"{day + 1:02d}.05.2026;{slot // 4:02d}:{slot % 4 * 15:02d};{slot},{day:02d};{'E' if slot == 7 else 'W'}"
        for day in range(days)
        for slot in range(96)
    ]
    path.write_text("\n".join(["Stadtwerke", "Datum;Uhrzeit;Wert [kWh];Status", *rows, "Summe;;1;"]), "cp1252")
    return path


def everything(config: Path, out: Path) -> str:
    done = called("store", "export", out, "--format", "csv", "-c", config)
    assert done.returncode == 0, done.stderr
    return out.read_text("utf-8")


def test_an_import_is_whole_named_and_the_same_twice(tmp_path: Path) -> None:
    config, file = installation(tmp_path), load_profile(tmp_path)
    call = ("import", file, "--meter", "school-supply", "-c", config, "--json")
    preview = json.loads(called(*call, "--dry-run").stdout)
    assert preview["sum_in_the_store"] is None
    told = [json.loads(called(*call).stdout) for _ in range(2)]
    assert told[0] == told[1]
    assert told[0]["sum_of_the_file"] == told[0]["sum_in_the_store"] == preview["sum_of_the_file"] == "13682.88"
    assert told[0]["problems"] == [{"line": 291, "reason": "no date in 'Summe '"}]
    assert json.loads(called("store", "info", "-c", config, "--json").stdout)["readings"] == 2 * 288


@pytest.mark.parametrize("format_", ["parquet", "csv", "line-protocol"])
def test_what_is_exported_comes_back_to_the_digit(tmp_path: Path, format_: str) -> None:
    config, other = installation(tmp_path / "one"), installation(tmp_path / "two")
    assert called("import", load_profile(tmp_path), "--meter", "school-supply", "-c", config).returncode == 0
    file = tmp_path / "exported"
    assert called("store", "export", file, "--format", format_, "-c", config).returncode == 0
    done = called("import", file, "-c", other)
    assert done.returncode == 0, done.stderr
    assert everything(other, tmp_path / "b.csv") == everything(config, tmp_path / "a.csv")


def test_a_store_moves_to_a_server_and_back_and_goes_on_after_a_kill(
    tmp_path: Path, influxd: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where the bookmark lies
    server = f"{{ kind: influxdb, url: {influxd.url}, version: 1, database: moved{time.time_ns()} }}"
    config, there = installation(tmp_path / "one"), installation(tmp_path / "two", server)
    assert called("import", load_profile(tmp_path, 9), "--meter", "school-supply", "-c", config).returncode == 0
    command = [COMMAND, "store", "migrate", "--from", str(config), "--to", str(there)]
    for wait_s in (1.5, 2.5):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            process.wait(wait_s)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
    for source, target in ((config, there), (there, tmp_path / "back.duckdb")):
        done = called("store", "migrate", "--from", source, "--to", target, "--json")
        assert done.returncode == 0, done.stderr
        parts = {part["what"]: part for part in map(json.loads, done.stdout.splitlines())}
        assert parts["consumption"]["source"] == parts["consumption"]["target"] == 9 * 96
        assert all(part["equal"] for part in parts.values())
    back = installation(tmp_path / "three", f"{{ kind: embedded, path: {tmp_path / 'back.duckdb'} }}")
    assert everything(back, tmp_path / "b.csv") == everything(config, tmp_path / "a.csv")


@pytest.mark.parametrize("name", ["b.tar", "b.tar.gz", "b.tar.zst"])
def test_a_backup_is_restored_into_an_empty_folder(tmp_path: Path, name: str) -> None:
    config, file = installation(tmp_path / "one"), tmp_path / name
    assert called("import", load_profile(tmp_path), "--meter", "school-supply", "-c", config).returncode == 0
    data = tmp_path / "one" / "leitwarte-data"
    for database in ("alerts.db", "accounts.db"):
        with closing(sqlite3.connect(data / database)) as book:
            book.execute("create table told (words)")
            book.execute("insert into told values (?)", [database])
            book.commit()
    outbox = data / "gateway" / "outbox"
    outbox.mkdir(parents=True)
    (outbox / "1.seg").write_bytes(b"waiting")
    done = called("backup", file, "-c", config)
    assert done.returncode == 0, done.stderr
    assert "already" in called("backup", file, "-c", config).stderr
    new = tmp_path / "two" / "leitwarte.yaml"
    done = called("restore", file, "-c", new)
    assert done.returncode == 0, done.stderr
    assert new.read_text() == config.read_text()
    assert (tmp_path / "two" / "leitwarte-data" / "gateway" / "outbox" / "1.seg").read_bytes() == b"waiting"
    for database in ("alerts.db", "accounts.db"):
        with closing(sqlite3.connect(tmp_path / "two" / "leitwarte-data" / database)) as book:
            assert book.execute("select words from told").fetchall() == [(database,)]
    assert everything(new, tmp_path / "b.csv") == everything(config, tmp_path / "a.csv")
    again = called("restore", file, "-c", new)
    assert again.returncode == 1
    assert "there already" in again.stderr


def test_a_segment_that_goes_while_a_backup_is_made_is_left_out(tmp_path: Path) -> None:
    config, file = installation(tmp_path), tmp_path / "backup.tar"
    outbox = load(config).settings.gateway_in_data_dir.data_dir / "outbox"
    outbox.mkdir(parents=True)
    (outbox / "kept").write_bytes(b"kept")
    (outbox / "gone").symlink_to("nowhere")  # is listed, and cannot be read
    assert called("backup", file, "-c", config).returncode == 0
    with tarfile.open(file) as archive:
        assert [name for name in archive.getnames() if name.startswith("outbox/")] == ["outbox/outbox/kept"]


def test_files_are_imported_and_a_backup_is_made_while_leitwarte_runs_on(tmp_path: Path) -> None:
    config, file, new = installation(tmp_path / "one"), tmp_path / "b.tar", tmp_path / "two" / "leitwarte.yaml"
    assert called("import", load_profile(tmp_path), "--meter", "school-supply", "-c", config).returncode == 0
    with started("run", "--only", "gateway", "-c", config) as running:
        running.wait_for(lambda: "gateway_runs" in running.said, 30, "start")
        for _ in range(2):
            done = called("import", load_profile(tmp_path, days=5), "--meter", "school-supply", "-c", config, "--json")
            assert done.returncode == 0, done.stderr
            told = json.loads(done.stdout)
            assert told["sum_in_the_store"] == told["sum_of_the_file"]
        done = called("backup", file, "-c", config)
        assert done.returncode == 0, done.stderr
        assert running.process.poll() is None
        assert running.end(signal.SIGTERM) == 0
    assert not list(tmp_path.rglob("store-copy*")), "the copy is taken away"
    done = called("restore", file, "-c", new)
    assert done.returncode == 0, done.stderr
    profile = [
        [row for row in everything(place, tmp_path / name).splitlines() if "school-supply" in row]
        for place, name in ((config, "a.csv"), (new, "b.csv"))
    ]
    assert profile[0] == profile[1]
    assert len(profile[0]) >= 5 * 96


def test_an_import_says_so_if_leitwarte_ends_meanwhile(tmp_path: Path) -> None:
    config, place = installation(tmp_path), tmp_path / "leitwarte-data" / "control"
    place.mkdir(parents=True)
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as listener, chdir(place):
        listener.bind("gateway.1.sock")
        listener.listen()

        def hang_up() -> None:
            for _ in range(2):  # who is there, and the request
                listener.accept()[0].close()

        hanging_up = Thread(target=hang_up)
        hanging_up.start()
        done = called("import", load_profile(tmp_path), "--meter", "school-supply", "-c", config)
        hanging_up.join()
    assert done.returncode == 1
    assert "import again" in done.stderr


def test_a_damaged_backup_is_refused(tmp_path: Path) -> None:
    config, file = installation(tmp_path / "one"), tmp_path / "b.tar"
    assert called("import", load_profile(tmp_path), "--meter", "school-supply", "-c", config).returncode == 0
    assert called("backup", file, "-c", config).returncode == 0
    with tarfile.open(file) as archive:
        offset = archive.getmember("store.duckdb").offset_data
    content = bytearray(file.read_bytes())
    content[offset + 5000] ^= 1
    file.write_bytes(content)
    done = called("restore", file, "-c", tmp_path / "two" / "leitwarte.yaml")
    assert done.returncode == 1
    assert "store.duckdb is damaged" in done.stderr
    assert list((tmp_path / "two").iterdir()) == []
    file.write_bytes(content[: len(content) // 2])
    assert called("restore", file, "-c", tmp_path / "two" / "leitwarte.yaml").returncode == 1


def test_a_store_in_use_is_not_saved(tmp_path: Path) -> None:
    config = installation(tmp_path)
    assert called("import", load_profile(tmp_path), "--meter", "school-supply", "-c", config).returncode == 0
    with duckdb.connect(str(tmp_path / "leitwarte-data" / "leitwarte.duckdb")):
        done = called("backup", tmp_path / "b.tar", "-c", config)
    assert done.returncode == 1
    assert "end whatever else uses the store first" in done.stderr
    assert not (tmp_path / "b.tar").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("import", "nowhere.csv", "--meter", "school-supply"), "nowhere.csv"),
        (("store", "export", "x", "--format", "xml"), "no format 'xml'"),
        (("store", "migrate", "--from", "a", "--to", "b"), "neither a settings file"),
        (("backup", "b.rar"), "not '.rar'"),
        (("restore", "nowhere.tar", "-c", "none/leitwarte.yaml"), "no whole backup"),
    ],
)
def test_wrong_calls_say_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    installation(tmp_path)
    monkeypatch.chdir(tmp_path)
    done = called(*arguments)
    assert done.returncode in (1, 2)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
