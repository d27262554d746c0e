"""InfluxDB 1.6.7 for what goes wrong, and VictoriaMetrics for what the official client writes, both real."""

import json
import math
from pathlib import Path

import httpx
import pytest

from metering.clock import Clock
from metering.instant import DAY, HOUR, MINUTE, SECOND, Window
from metering.quality import Quality
from metering.reading import Reading, Series
from storage.influxdb.line_protocol import encode_readings
from storage.influxdb.v2_writer import V2Writer
from storage.protocol import Aggregate, StoreRefused, StoreUnavailable
from storage.settings import InfluxSettings
from tests import servers
from tests.patience import PATIENCE_S
from tests.servers import Server, free_port
from tests.storage.conftest import FreshStore, opened

ALWAYS = Window(-(2**62), 2**62)
NOON = 1_768_478_400 * SECOND
POWER = Series("meter", "active_power")


async def ask(server: Server, statement: str, database: str = "") -> str:
    async with httpx.AsyncClient(base_url=server.url, timeout=PATIENCE_S) as client:
        return (await client.post("/query", params={"q": statement, "db": database})).text


async def write_lines(server: Server, database: str, lines: str) -> None:
    async with httpx.AsyncClient(base_url=server.url, timeout=PATIENCE_S) as client:
        (await client.post("/write", params={"db": database, "precision": "u"}, content=lines)).raise_for_status()


def v1(server: Server, database: str, **more: object) -> InfluxSettings:
    return InfluxSettings.model_validate(
        {"kind": "influxdb", "url": server.url, "version": 1, "database": database, **more}
    )


async def test_a_server_that_is_down_is_unavailable_and_then_works_again(influxd: Server) -> None:
    async with opened(v1(influxd, "outage")) as store:
        await store.write([Reading(*POWER, 1.0, NOON)])
        influxd.stop()
        try:
            with pytest.raises(StoreUnavailable, match=influxd.url):
                await store.write([Reading(*POWER, 2.0, NOON + 1)])
            with pytest.raises(StoreUnavailable):
                await store.latest()
        finally:
            influxd.start()
        await store.write([Reading(*POWER, 2.0, NOON + 1)])
        assert (await store.samples([POWER], ALWAYS))[POWER].values.tolist() == [1.0, 2.0]


async def test_every_write_that_returned_survives_the_kill_of_the_server(influxd: Server) -> None:
    async with opened(v1(influxd, "kill")) as store:
        for n in range(50):
            await store.write([Reading(*POWER, float(n), NOON + n)])
        influxd.kill()
        influxd.start()
        assert (await store.samples([POWER], ALWAYS))[POWER].values.tolist() == list(map(float, range(50)))


async def test_a_start_without_a_server_is_unavailable() -> None:
    settings = InfluxSettings(kind="influxdb", url=f"http://127.0.0.1:{free_port()}", version=1)
    with pytest.raises(StoreUnavailable):
        async with opened(settings):
            pass


async def test_a_second_start_finds_the_database(influxd: Server) -> None:
    for _ in range(2):
        async with opened(v1(influxd, "again")) as store:
            await store.write([Reading(*POWER, 1.0, NOON)])
    assert await ask(influxd, "SHOW DATABASES") != ""


async def test_the_database_is_made_to_keep_everything(influxd: Server) -> None:
    async with opened(v1(influxd, "kept")):
        pass
    assert '["autogen","0s",' in await ask(influxd, "SHOW RETENTION POLICIES ON kept")


async def test_a_database_that_deletes_by_itself_is_refused_unless_leitwarte_condenses_nothing(influxd: Server) -> None:
    await ask(influxd, 'CREATE DATABASE "thirty" WITH DURATION 30d NAME "month"')
    with pytest.raises(
        StoreRefused, match=r'deletes what is in .thirty. after 720h.*POLICY "month" ON "thirty"'
    ) as told:
        async with opened(v1(influxd, "thirty")):
            pass
    async with opened(v1(influxd, "thirty", retention={"raw_days": None, "quarter_hour_days": None})):
        pass
    remedy = str(told.value).partition("(")[2].partition(")")[0]
    await ask(influxd, remedy)
    async with opened(v1(influxd, "thirty")):
        pass


async def test_an_account_that_may_not_make_the_database_is_told_what_to_do(tmp_path: Path) -> None:
    with servers.influxd(tmp_path, http="auth-enabled = true") as server:
        await ask(server, "CREATE USER boss WITH PASSWORD 'b' WITH ALL PRIVILEGES")
        async with httpx.AsyncClient(base_url=server.url, auth=("boss", "b"), timeout=PATIENCE_S) as boss:
            await boss.post("/query", params={"q": "CREATE USER leitwarte WITH PASSWORD 'l'"})
            mine = v1(server, "town", username="leitwarte", password="l")
            with pytest.raises(
                StoreRefused, match=r"no database 'town' for this account: create it, or give an account"
            ):
                async with opened(mine):
                    pass
            await boss.post("/query", params={"q": "CREATE DATABASE town"})
            await boss.post("/query", params={"q": "GRANT ALL ON town TO leitwarte"})
            async with opened(mine) as store:
                await store.write([Reading(*POWER, 1.0, NOON)])
                assert await store.count(ALWAYS) == 1


async def test_a_partial_write_is_refused_with_the_servers_words(influxd: Server) -> None:
    async with opened(v1(influxd, "partial")) as store:
        await write_lines(influxd, "partial", f'reading,device=meter active_power="text" {NOON}')
        with pytest.raises(StoreRefused, match="field type conflict"):
            await store.write([Reading(*POWER, 1.0, NOON + 1), Reading("meter 2", "voltage", 230.0, NOON + 1)])
        assert [reading.value for reading in await store.latest(["meter 2"])] == [230.0]


async def test_readings_past_the_retention_are_refused_with_the_servers_words(influxd: Server) -> None:
    async with opened(v1(influxd, "short")) as store:
        await ask(influxd, 'ALTER RETENTION POLICY "autogen" ON "short" DURATION 1h SHARD DURATION 1h')
        with pytest.raises(StoreRefused, match="retention policy"):
            await store.write([Reading(*POWER, 1.0, NOON - 3000 * DAY)])


async def test_a_database_that_is_gone_can_come_back(influxd: Server) -> None:
    async with opened(v1(influxd, "gone")) as store:
        await ask(influxd, "DROP DATABASE gone")
        with pytest.raises(StoreUnavailable, match="database not found"):
            await store.write([Reading(*POWER, 1.0, NOON)])
        with pytest.raises(StoreUnavailable, match="database not found"):
            await store.count(ALWAYS)
        await ask(influxd, "CREATE DATABASE gone")
        await store.write([Reading(*POWER, 1.0, NOON)])


@pytest.mark.parametrize("device", ["a\nb value=1 1", "a\rb", "a\0b", "ends with \\", ""])
async def test_a_name_that_line_protocol_cannot_carry_is_refused(fresh_influxd: FreshStore, device: str) -> None:
    async with fresh_influxd() as store:
        with pytest.raises(StoreRefused, match="cannot keep the name"):
            await store.write([Reading(device, "voltage", 1.0, NOON)])
        assert await store.series() == []
        assert len((await store.samples([Series(device, "voltage")], ALWAYS))[Series(device, "voltage")]) == 0


async def test_names_cannot_break_out_of_a_statement(fresh_influxd: FreshStore, influxd: Server) -> None:
    await ask(influxd, "CREATE DATABASE precious")
    key = Series("a\"b'; DROP DATABASE precious; --\\' OR 1=1", "voltage")
    async with fresh_influxd() as store:
        await store.write([Reading(*key, 1.0, NOON), Reading("other", "voltage", 2.0, NOON)])
        assert (await store.samples([key], ALWAYS))[key].values.tolist() == [1.0]
        assert await store.latest([key.device]) == [Reading(*key, 1.0, NOON)]
    assert "precious" in await ask(influxd, "SHOW DATABASES")


async def test_the_schema_is_the_documented_one(influxd: Server) -> None:
    async with opened(v1(influxd, "schema")) as store:
        await store.write(
            [
                Reading("m1", "active_power", 5.0, NOON),
                Reading("m1", "voltage", 400.0, NOON, Quality.SUSPECT, "range"),
                Reading("m1", "consumption", 1.5, NOON, Quality.ESTIMATED, "gap"),
            ]
        )
    readings = json.loads(await ask(influxd, 'SELECT * FROM "reading"', "schema"))["results"][0]["series"][0]
    assert dict(zip(readings["columns"], readings["values"][0], strict=True)) == {
        "time": "2026-01-15T12:00:00Z",
        "active_power": 5,
        "device": "m1",
        "voltage": 400,
        "voltage_status": "suspect:range",
    }
    intervals = json.loads(await ask(influxd, 'SELECT * FROM "interval"', "schema"))["results"][0]["series"][0]
    assert intervals["columns"] == ["time", "consumption", "consumption_status", "meter"]
    assert intervals["values"] == [["2026-01-15T12:00:00Z", 1.5, "estimated:gap", "m1"]]


async def test_many_scattered_suspects_are_left_out_too(fresh_influxd: FreshStore) -> None:
    """More buckets with suspects than are asked for one by one."""
    good = [Reading(*POWER, 1.0, NOON + n * MINUTE) for n in range(600)]
    bad = [Reading(*POWER, 1e6, NOON + n * 5 * MINUTE + SECOND, Quality.SUSPECT, "range") for n in range(0, 120, 2)]
    async with fresh_influxd() as store:
        await store.write(good + bad)
        (found,) = (await store.aggregate([POWER], ALWAYS, 5 * MINUTE, Aggregate.SUM)).values()
        assert found.values.tolist() == [5.0] * 120
        assert found.qualities.tolist() == [Quality.SUSPECT, Quality.MEASURED] * 60


async def test_a_field_that_flips_between_whole_numbers_and_fractions_is_one_field(fresh_influxd: FreshStore) -> None:
    """InfluxDB takes a field's type from its first value, and refuses the other from then on."""
    values = [1, 1.5, 2, -3]
    async with fresh_influxd() as store:
        for n, value in enumerate(values):
            await store.write([Reading(*POWER, value, NOON + n * SECOND)])
        (found,) = (await store.samples([POWER], ALWAYS)).values()
        assert found.values.tolist() == values


async def test_a_plain_reading_leaves_a_doubt_standing(fresh_influxd: FreshStore) -> None:
    """The documented difference to the embedded store: fields that a line does not name stay as they are."""
    async with fresh_influxd() as store:
        await store.write([Reading(*POWER, 1.0, NOON, Quality.SUSPECT, "range")])
        await store.write([Reading(*POWER, 2.0, NOON)])
        assert await store.flagged(ALWAYS) == [Reading(*POWER, 2.0, NOON, Quality.SUSPECT, "range")]


def test_readings_of_one_device_and_time_that_come_together_share_a_line() -> None:
    lines = encode_readings(
        [
            Reading("a b", "active_power", 1e22, 1, device_time=True),
            Reading("a b", "voltage", 230.1, 1, Quality.SUSPECT, 'sa"id'),
            Reading("a b", "active_power", 0.1, 2, Quality.MEASURED, "confirmed"),
            Reading("a b", "current", -0.0, 1),
            Reading("m,1", "expected", 5, 1),
        ]
    )
    assert lines == [
        r'reading,device=a\ b active_power=1e22,voltage=230.1,voltage_status="suspect:sa\"id" 1',
        r'reading,device=a\ b active_power=0.1,active_power_status="measured:confirmed" 2',
        r"reading,device=a\ b current=-0.0 1",
        r"interval,meter=m\,1 expected=5.0 1",
    ]


def test_within_a_batch_the_last_reading_counts_wholly() -> None:
    doubted = Reading("a", "voltage", 1.0, 1, Quality.SUSPECT, "range")
    assert encode_readings([doubted, Reading("a", "voltage", 2.0, 1)]) == ["reading,device=a voltage=2.0 1"]


async def test_the_official_client_writes_what_another_database_reads(victoria_metrics: Server) -> None:
    """VictoriaMetrics keeps milliseconds and no texts: the times here are whole milliseconds, and no status is read."""
    settings = InfluxSettings.model_validate(
        {"kind": "influxdb", "url": victoria_metrics.url, "version": 2, "org": "o", "token": "t"}
    )
    start = Clock().now_us() // SECOND * SECOND - HOUR  # it keeps a month only
    readings = [
        Reading(device, quantity, value, start + n * 1000)
        for device in ("meter 1", 'Zähler, "groß" = 2')
        for n, value in enumerate([0.1, -230.25, 12345.678])
        for quantity in ("voltage", "active_power")
    ]
    readings.append(Reading("meter 1", "consumption", 7.5, start, Quality.ESTIMATED, "gap"))
    writer = V2Writer(settings)
    await writer.write("\n".join(encode_readings(readings)).encode())
    await writer.close()
    async with httpx.AsyncClient(base_url=victoria_metrics.url, timeout=PATIENCE_S) as client:
        await client.get("/internal/force_flush")
        window = {"start": start / SECOND - 1, "end": (start + HOUR) / SECOND}
        exported = await client.get("/api/v1/export", params={"match[]": '{__name__!=""}', **window})
    found = {}
    for line in exported.text.splitlines():
        series = json.loads(line)
        labels = series["metric"]
        measurement, _, field = labels["__name__"].partition("_")
        if field.endswith("_status"):
            continue
        key = (measurement, labels.get("device") or labels["meter"], field)
        found[key] = dict(zip(series["timestamps"], series["values"], strict=True))
    expected: dict[tuple[str, str, str], dict[int, float]] = {}
    for r in readings:
        measurement = "interval" if r.quantity == "consumption" else "reading"
        expected.setdefault((measurement, r.device, r.quantity), {})[r.time_us // 1000] = r.value
    assert found.keys() == expected.keys()
    for key, values in expected.items():
        assert found[key].keys() == values.keys()
        # It keeps decimal mantissas, and so may round the last binary digit.
        assert all(math.isclose(found[key][at], value, rel_tol=1e-15) for at, value in values.items())
