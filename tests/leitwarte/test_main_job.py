"""Measured German municipal profiles and Cambridge buildings, over Modbus and MQTT, into InfluxDB and DuckDB.

The long form of this (weeks, all buildings) takes minutes; this one is short, and checks the same.
"""

import asyncio
import time
from decimal import Decimal
from pathlib import Path

import pytest

from leitwarte.installation import Installation
from leitwarte.settings import Settings
from metering.instant import DAY, Window, parse
from metering.reading import Series
from tests.leitwarte.main_job import DATA, Job, acquire, extract
from tests.servers import Server

pytestmark = pytest.mark.skipif(not DATA.exists(), reason="the measured series lie beside the checkout, in ../shared")

JOBS = [
    Job(("dev_elec15_de_Schule_k", "dev_elec15_de_Buero_k"), "2015-09-14T00:00:00Z", 2, "eastron/sdm630", 7200),
    Job(("dev_elec_cam_b104", "dev_elec_cam_b59"), "2016-03-07T00:00:00Z", 3, "tasmota/sml", 14400),
]


@pytest.mark.parametrize("job", JOBS, ids=["modbus", "mqtt"])
def test_the_stored_energy_is_that_of_the_file(job: Job, mosquitto: Server, influxd: Server, tmp_path: Path) -> None:
    sums = extract(job, tmp_path / "series.csv")
    assert min(sums.values()) > 0
    database = f"replay{time.time_ns()}"
    stores = {
        "influx": {"kind": "influxdb", "url": influxd.url, "version": 1, "database": database},
        "embedded": {"kind": "embedded"},
    }
    for name, settings in acquire(job, tmp_path, mosquitto, stores).items():
        measured, analysed = asyncio.run(energy(settings, job))
        for series, total in sums.items():
            assert measured[series] == total, (name, series)
            assert analysed[series] == pytest.approx(float(total), rel=1e-9), (name, series)


async def energy(settings: Settings, job: Job) -> tuple[dict[str, Decimal], dict[str, float]]:
    """For each series: last less first register reading, and the sum of the stored consumption, over gaps too."""
    installation = Installation(settings)
    begin_us = parse(job.begin)
    window = Window(begin_us - DAY, begin_us + (job.days + 1) * DAY)
    async with installation.opened():
        registers = [Series(series, "active_energy_import") for series in job.series]
        found = await installation.store.samples(registers, window)
        await installation.analytics.backfill(window)
        meters = {series: f"{series}.supply" for series in job.series}
        names = ("consumption", "gap_consumption")
        derived = await installation.store.samples([Series(m, name) for m in meters.values() for name in names], window)
    differences = {
        series.device: Decimal(repr(samples.values[-1].item())) - Decimal(repr(samples.values[0].item()))
        for series, samples in found.items()
    }
    return differences, {
        series: sum(derived[Series(meter, name)].values.sum().item() for name in names)
        for series, meter in meters.items()
    }
