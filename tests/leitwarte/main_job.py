"""The main job on measured series: replayed over real Modbus and real MQTT, read by the gateway into a store."""

import csv
import gzip
import signal
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from leitwarte.settings import Settings
from leitwarte.settings_file import load
from metering import instant
from metering.instant import DAY, Window
from tests.leitwarte.processes import started
from tests.servers import Server

DATA = Path(__file__).parent.parent.parent.parent / "shared" / "data" / "anomaly" / "dev"

LEADS_S = (20, 60, 180)
"""Real seconds that the gateways have to connect before the replay begins; the longer ones are for busy machines."""
_MARGIN_S = 5


@dataclass(frozen=True)
class Job:
    """Some days of some series, as devices of one template."""

    series: tuple[str, ...]
    begin: str
    days: int
    template: str
    speed: float


def extract(job: Job, out: Path) -> dict[str, Decimal]:
    """Write the job's rows to a file; returns the exact sum of each series."""
    window = Window(instant.parse(job.begin), instant.parse(job.begin) + job.days * DAY)
    sums = dict.fromkeys(job.series, Decimal(0))
    with gzip.open(DATA / "test_clean.csv.gz", "rt") as source, out.open("w", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["series_id", "timestamp", "value"])
        for row in csv.DictReader(source):
            if row["series_id"] in sums and instant.from_datetime(datetime.fromisoformat(row["timestamp"])) in window:
                sums[row["series_id"]] += Decimal(row["value"] or 0)
                writer.writerow([row["series_id"], row["timestamp"], row["value"]])
    return sums


def acquire(job: Job, folder: Path, broker: Server, stores: dict[str, dict[str, Any]]) -> dict[str, Settings]:
    """Replay the job, with one gateway for each store, to the end; returns the settings of each."""
    for lead_s in LEADS_S:
        attempt = folder / f"lead-{lead_s}"
        attempt.mkdir()
        files = _replayed(job, attempt, broker, stores, lead_s, folder / "series.csv")
        if files:
            return {name: load(path).settings for name, path in files.items()}
    raise AssertionError(f"no gateway was ready within {LEADS_S[-1]} s")


def _replayed(  # noqa: PLR0917
    job: Job, folder: Path, broker: Server, stores: dict[str, dict[str, Any]], lead_s: int, series: Path
) -> dict[str, Path]:
    """The settings file of each store's gateway; none if they were not ready when the replay began."""
    town = folder / "town.yaml"
    sim = (
        "sim",
        "--replay",
        series,
        "--template",
        job.template,
        "--speed",
        str(job.speed),
        "--lead",
        f"{lead_s}s",
    )
    with started(*sim, "--modbus-port", "0", "--mqtt", f"{broker.host}:{broker.port}", "--settings", town) as replay:
        replay.wait_for(town.exists, 60, "the settings of the replay")
        begun = time.monotonic()
        files = {name: _settings_file(folder, name, town, store) for name, store in stores.items()}
        with ExitStack() as stack:
            gateways = [stack.enter_context(started("run", "-c", path, "--only", "gateway")) for path in files.values()]
            while not all("connected" in gateway.said for gateway in gateways):
                if time.monotonic() > begun + lead_s - _MARGIN_S:
                    return {}
                time.sleep(0.1)
            replay.process.wait(lead_s + job.days * 86400 / job.speed + 60)
            for gateway in gateways:
                assert gateway.end(signal.SIGTERM) == 0, gateway.said[-3000:]
                assert '"queued": 0, "event": "gateway_stopped"' in gateway.said, gateway.said[-3000:]
    return files


def _settings_file(folder: Path, name: str, town: Path, store: dict[str, Any]) -> Path:
    document = yaml.safe_load(town.read_text("utf-8"))
    document |= {"store": store, "data_dir": name, "gateway": {"health": {"port": 0}}}
    for broker in document.get("mqtt", ()):
        broker["client_id"] = f"{folder.name}-{name}"
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(document), "utf-8")
    return path
