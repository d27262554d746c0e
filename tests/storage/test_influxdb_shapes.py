"""InfluxDB 2 and 3, which cannot be started here: the requests, checked against their documentation, not a server.

https://docs.influxdata.com/influxdb/v2/api/ and https://docs.influxdata.com/influxdb3/core/api/
"""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from pydantic import ValidationError

from metering.event import Event, Severity
from metering.instant import SECOND, Window
from metering.quality import Quality
from metering.reading import Reading, Series
from storage.influxdb.store import InfluxStore
from storage.protocol import Aggregate, StoreRefused, StoreUnavailable
from storage.settings import InfluxSettings, RetentionSettings
from tests.storage.recorder import Answer, Recorder, recording

EMPTY = Answer(200, {"results": [{"statement_id": 0}]})
MISSING = Answer(404, {"code": "not found", "message": "no dbrp mapping found"})
WRITTEN = Answer(204)
FORMAT_OF = 'SELECT max("format") AS "format" FROM "leitwarte"'
POWER = Series("meter", "active_power")
WINDOW = Window(0, 60 * SECOND)


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    with recording() as recorder:
        recorder.answer("GET", "/api/v2/buckets", Answer(200, {"buckets": []}))
        recorder.settled[FORMAT_OF] = number(1)
        yield recorder


def number(found: int) -> Answer:
    series = {"name": "leitwarte", "columns": ["time", "format"], "values": [[0, found]]}
    return Answer(200, {"results": [{"statement_id": 0, "series": [series]}]})


@asynccontextmanager
async def opened(settings: InfluxSettings) -> AsyncIterator[InfluxStore]:
    store = InfluxStore(settings)
    try:
        await store.start()
        yield store
    finally:
        await store.close()


def v2(recorder: Recorder) -> InfluxSettings:
    return InfluxSettings.model_validate(
        {"kind": "influxdb", "url": recorder.url, "version": 2, "database": "town", "org": "city", "token": "secret"}
    )


def v3(recorder: Recorder) -> InfluxSettings:
    return InfluxSettings.model_validate(
        {"kind": "influxdb", "url": recorder.url, "version": 3, "database": "town", "token": "secret"}
    )


def v1(recorder: Recorder) -> InfluxSettings:
    return InfluxSettings.model_validate(
        {"kind": "influxdb", "url": recorder.url, "version": 1, "database": "town", "username": "u", "password": "p"}
    )


@pytest.mark.parametrize("settings", [v2, v3])
async def test_lines_go_to_the_v2_write_api_in_microseconds(recorder: Recorder, settings: type[InfluxSettings]) -> None:
    recorder.answer("GET", "/query", EMPTY)
    recorder.answer("POST", "/api/v2/write", WRITTEN)
    async with opened(settings(recorder)) as store:
        await store.write([Reading(*POWER, 1.5, 7), Reading("meter", "voltage", 230.0, 7)])
    (write,) = recorder.asked("POST", "/api/v2/write")
    assert write.body == b"reading,device=meter active_power=1.5,voltage=230.0 7"
    assert write.parameters["bucket"] == "town"
    assert write.parameters["precision"] == "us"
    assert write.parameters.get("org", "") == ("city" if settings is v2 else "")
    assert write.headers["Authorization"] == "Token secret"


async def test_lines_go_to_the_v1_write_api_in_microseconds(recorder: Recorder) -> None:
    recorder.answer("GET", "/query", EMPTY)
    recorder.answer("POST", "/write", WRITTEN)
    async with opened(v1(recorder)) as store:
        await store.write([Reading(*POWER, 1.5, 7)])
    (write,) = recorder.asked("POST", "/write")
    assert write.parameters == {"db": "town", "precision": "u"}
    assert write.headers["Authorization"].startswith("Basic ")


async def test_a_large_batch_is_cut_into_requests_of_5000_lines(recorder: Recorder) -> None:
    recorder.answer("GET", "/query", EMPTY)
    recorder.answer("POST", "/api/v2/write", WRITTEN)
    async with opened(v2(recorder)) as store:
        await store.write([Reading(*POWER, 1.0, n) for n in range(12_000)])
    assert [r.body.count(b"\n") + 1 for r in recorder.asked("POST", "/api/v2/write")] == [5000, 5000, 2000]


@pytest.mark.parametrize("settings", [v2, v3])
async def test_queries_are_single_influxql_statements(recorder: Recorder, settings: type[InfluxSettings]) -> None:
    recorder.answer("GET", "/query", EMPTY)
    async with opened(settings(recorder)) as store:
        await store.aggregate([POWER], WINDOW, 900 * SECOND, Aggregate.MEAN)
        await store.samples([POWER, Series("b", "active_power")], WINDOW)
    values, flags, *_ = recorder.asked("GET", "/query")[1:]
    assert values.headers["Authorization"] == "Token secret"
    assert values.parameters["db"] == "town"
    assert values.parameters["epoch"] == "u"
    assert values.parameters["q"] == (
        'SELECT mean("active_power") AS "v0" FROM "reading" WHERE time >= 0 AND time < 60000000000 AND '
        '("device" = \'meter\') GROUP BY "device", time(900s) fill(none)'
    )
    assert flags.parameters["q"] == (
        'SELECT "active_power_status" AS "v0" FROM "reading" WHERE time >= 0 AND time < 60000000000 AND '
        '("device" = \'meter\') GROUP BY "device"'
    )
    assert all(";" not in request.parameters["q"] for request in recorder.asked("GET", "/query"))


async def test_a_missing_bucket_is_made_and_mapped(recorder: Recorder) -> None:
    recorder.answer("GET", "/query", MISSING, MISSING, EMPTY)
    recorder.answer("GET", "/api/v2/orgs", Answer(200, {"orgs": [{"id": "0a", "name": "city"}]}))
    recorder.answer("GET", "/api/v2/buckets", Answer(200, {"buckets": []}))
    recorder.answer("POST", "/api/v2/buckets", Answer(201, {"id": "0b", "name": "town"}))
    recorder.answer("POST", "/api/v2/dbrps", Answer(201, {"id": "0c"}))
    async with opened(v2(recorder)):
        pass
    assert recorder.asked("GET", "/api/v2/orgs")[0].parameters == {"org": "city"}
    assert recorder.asked("GET", "/api/v2/buckets")[0].parameters == {"orgID": "0a", "name": "town"}
    (bucket,) = recorder.asked("POST", "/api/v2/buckets")
    assert bucket.json() == {"orgID": "0a", "name": "town", "retentionRules": []}
    (mapping,) = recorder.asked("POST", "/api/v2/dbrps")
    assert mapping.json() == {
        "orgID": "0a",
        "bucketID": "0b",
        "database": "town",
        "retention_policy": "autogen",
        "default": True,
    }
    assert {request.headers["Authorization"] for request in recorder.requests} == {"Token secret"}


async def test_a_bucket_without_a_mapping_is_mapped(recorder: Recorder) -> None:
    recorder.answer("GET", "/query", MISSING, EMPTY)
    recorder.answer("GET", "/api/v2/orgs", Answer(200, {"orgs": [{"id": "0a", "name": "city"}]}))
    recorder.answer("GET", "/api/v2/buckets", Answer(200, {"buckets": [{"id": "0d", "name": "town"}]}))
    recorder.answer("POST", "/api/v2/dbrps", Answer(201, {"id": "0c"}))
    async with opened(v2(recorder)):
        pass
    assert recorder.asked("POST", "/api/v2/buckets") == []
    assert recorder.asked("POST", "/api/v2/dbrps")[0].json()["bucketID"] == "0d"


def bucket(*seconds: int) -> Answer:
    rules = [{"type": "expire", "everySeconds": every, "shardGroupDurationSeconds": 86400} for every in seconds]
    return Answer(200, {"buckets": [{"id": "0d", "name": "town", "retentionRules": rules}]})


async def test_a_bucket_that_expires_is_refused_unless_leitwarte_condenses_nothing(recorder: Recorder) -> None:
    recorder.answer("GET", "/query", EMPTY)
    recorder.answer("GET", "/api/v2/buckets", bucket(2592000))
    with pytest.raises(StoreRefused, match=r"after 2592000 s.*influx bucket update --name town --retention 0"):
        async with opened(v2(recorder)):
            pass
    assert recorder.asked("GET", "/api/v2/buckets")[0].parameters == {"org": "city", "name": "town"}
    left_to_it = RetentionSettings(raw_days=None, quarter_hour_days=None)
    async with opened(v2(recorder).model_copy(update={"retention": left_to_it})):
        pass


@pytest.mark.parametrize("answer", [bucket(), bucket(0), Answer(403, {"code": "forbidden", "message": "no access"})])
async def test_a_bucket_that_keeps_everything_or_may_not_be_seen_is_used(recorder: Recorder, answer: Answer) -> None:
    recorder.answer("GET", "/query", EMPTY)
    recorder.answer("GET", "/api/v2/buckets", answer)
    async with opened(v2(recorder)):
        pass


@pytest.mark.parametrize("status", [401, 403])
async def test_a_token_that_may_not_make_a_bucket_is_told_what_to_do(recorder: Recorder, status: int) -> None:
    recorder.answer("GET", "/query", MISSING)
    recorder.answer("GET", "/api/v2/orgs", Answer(200, {"orgs": [{"id": "0a", "name": "city"}]}))
    recorder.answer("GET", "/api/v2/buckets", MISSING)
    recorder.answer("POST", "/api/v2/buckets", Answer(status, {"code": "unauthorized", "message": "no access"}))
    with pytest.raises(StoreRefused, match=r"no database 'town'.*influx v1 dbrp create.*no access"):
        async with opened(v2(recorder)):
            pass


async def test_an_organisation_that_the_token_does_not_see_is_named(recorder: Recorder) -> None:
    recorder.answer("GET", "/query", MISSING)
    recorder.answer("GET", "/api/v2/orgs", Answer(200, {"orgs": []}))
    with pytest.raises(StoreRefused, match="'city'"):
        async with opened(v2(recorder)):
            pass


@pytest.mark.parametrize("settings", [v2, v3])
async def test_what_has_no_number_gets_one(recorder: Recorder, settings: type[InfluxSettings]) -> None:
    recorder.settled[FORMAT_OF] = EMPTY
    recorder.answer("GET", "/query", EMPTY)
    recorder.answer("POST", "/api/v2/write", WRITTEN)
    async with opened(settings(recorder)):
        pass
    (write,) = recorder.asked("POST", "/api/v2/write")
    assert re.fullmatch(rb"leitwarte format=1i \d{16}", write.body)


@pytest.mark.parametrize("status", [401, 403])
async def test_an_account_that_may_only_read_numbers_nothing(recorder: Recorder, status: int) -> None:
    recorder.settled[FORMAT_OF] = EMPTY
    recorder.answer("GET", "/query", EMPTY)
    recorder.answer("POST", "/api/v2/write", Answer(status, {"code": "forbidden", "message": "no write access"}))
    async with opened(v2(recorder)) as store:
        assert await store.latest() == []


async def test_influxdb_3_makes_its_database(recorder: Recorder) -> None:
    recorder.answer("GET", "/query", Answer(404, {"error": "database not found"}), EMPTY)
    recorder.answer("POST", "/api/v3/configure/database", Answer(200))
    async with opened(v3(recorder)):
        pass
    (made,) = recorder.asked("POST", "/api/v3/configure/database")
    assert made.json() == {"db": "town"}


async def test_influxdb_3_may_give_tags_as_columns_and_count_nothing_as_0(recorder: Recorder) -> None:
    columns = ["time", "device", "v0", "v1"]
    rows = [[0, "a", 2, 0], [60_000_000, "a", 0, 1], [0, "b", 3, 3]]
    answer = {"results": [{"statement_id": 0, "series": [{"name": "reading", "columns": columns, "values": rows}]}]}
    recorder.answer("GET", "/query", EMPTY, Answer(200, answer), EMPTY)
    keys = [Series(device, quantity) for device in "ab" for quantity in ("current", "voltage")]
    async with opened(v3(recorder)) as store:
        found = await store.aggregate(keys, Window(0, 120 * SECOND), 60 * SECOND, Aggregate.COUNT)
    assert [(samples.times_us.tolist(), samples.values.tolist()) for samples in found.values()] == [
        ([0], [2.0]),
        ([60_000_000], [1.0]),
        ([0], [3.0]),
        ([0], [3.0]),
    ]


async def test_influxdb_3_cannot_reopen_an_event(recorder: Recorder) -> None:
    event = Event("e", 5, None, "gap", Severity.INFO, "meter", "", "Lücke")
    series = {
        "name": "event",
        "tags": {"id": "e", "kind": "gap", "subject": "meter", "building": None},
        "columns": ["time", "title", "severity", "end_us"],
        "values": [[5, "Lücke", 0, 9]],
    }
    recorder.answer("GET", "/query", EMPTY, Answer(200, {"results": [{"series": [series]}]}))
    async with opened(v3(recorder)) as store:
        with pytest.raises(StoreRefused, match="deletes nothing"):
            await store.write_events([event])


@pytest.mark.parametrize("settings", [v1, v2])
@pytest.mark.parametrize(
    ("status", "error", "wish"),
    [
        (429, StoreUnavailable, 7.0),
        (503, StoreUnavailable, 7.0),
        (500, StoreUnavailable, 7.0),
        (301, StoreUnavailable, None),
        (401, StoreUnavailable, None),
        (404, StoreUnavailable, None),
        (405, StoreUnavailable, None),
        (407, StoreUnavailable, None),
        (400, StoreRefused, None),
        (413, StoreRefused, None),
        (422, StoreRefused, None),
    ],
)
async def test_a_refused_write_tells_whether_to_try_again(
    recorder: Recorder, settings: type[InfluxSettings], status: int, error: type[Exception], wish: float | None
) -> None:
    recorder.answer("GET", "/query", EMPTY)
    answer = Answer(status, {"message": "so it is"}, {"Retry-After": "7"})
    recorder.answer("POST", "/write", answer)
    recorder.answer("POST", "/api/v2/write", answer)
    async with opened(settings(recorder)) as store:
        with pytest.raises(error, match="so it is") as caught:
            await store.write([Reading(*POWER, 1.0, 7)])
    assert getattr(caught.value, "retry_after_s", None) == wish


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        ({"results": [{"error": "timeout"}]}, StoreUnavailable, "timeout"),
        ({"results": [{"error": "database not found: town"}]}, StoreUnavailable, "database not found"),
        ({"results": [{"error": "invalid operation"}]}, StoreRefused, "invalid operation"),
        ({"error": "broken"}, StoreRefused, "broken"),
        ({"results": [{"series": [{"columns": ["time"], "partial": True}]}]}, StoreRefused, "max-row-limit"),
        ({"results": "nonsense"}, StoreRefused, "not an answer"),
    ],
)
async def test_a_failed_statement_is_never_taken_for_an_empty_answer(
    recorder: Recorder, content: object, error: type[Exception], words: str
) -> None:
    recorder.answer("GET", "/query", EMPTY, Answer(200, content))
    async with opened(v2(recorder)) as store:
        with pytest.raises(error, match=words):
            await store.samples([POWER], WINDOW)


async def test_a_flag_marks_its_bucket_and_only_suspects_are_read_again(recorder: Recorder) -> None:
    def series(*rows: list[object]) -> Answer:
        one = {"name": "reading", "tags": {"device": "meter"}, "columns": ["time", "v0"], "values": list(rows)}
        return Answer(200, {"results": [{"series": [one]}]})

    minute = 60_000_000
    recorder.answer("GET", "/query", EMPTY, series([0, 1.0], [minute, 2.0]), series([minute + 5, "estimated:gap"]))
    async with opened(v2(recorder)) as store:
        found = await store.aggregate([POWER], Window(0, 2 * minute), minute, Aggregate.MEAN)
    assert found[POWER].qualities.tolist() == [Quality.MEASURED, Quality.ESTIMATED]
    assert len(recorder.asked("GET", "/query")) == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"version": 1, "token": "t"},
        {"version": 1, "username": "u"},
        {"version": 2, "token": "t"},
        {"version": 2, "org": "o"},
        {"version": 2, "org": "o", "token": "t", "username": "u", "password": "p"},
        {"version": 3, "org": "o"},
        {"version": 4},
        {"version": 1, "database": 'a"b'},
        {"version": 1, "url": "localhost:8086"},
        {"version": 1, "databse": "x"},
    ],
)
def test_settings_that_cannot_work_are_errors(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        InfluxSettings.model_validate({"kind": "influxdb", "url": "http://localhost:8086", **wrong})


async def test_an_answer_that_does_not_unpack_is_asked_for_again_later(recorder: Recorder) -> None:
    recorder.answer("GET", "/query", EMPTY, EMPTY, Answer(200, {"results": []}, {"Content-Encoding": "gzip"}))
    async with opened(v1(recorder)) as store:
        with pytest.raises(StoreUnavailable, match="cannot be reached"):
            await store.series()
