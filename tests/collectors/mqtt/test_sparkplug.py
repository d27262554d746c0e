"""Sparkplug B: the wire format, sessions of edge nodes, and the one thing that is ever published."""

import asyncio
import base64

import aiomqtt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.mqtt import protobuf
from collectors.mqtt.collector import MqttCollector, Requests
from collectors.mqtt.decode import decode
from collectors.mqtt.format import Message, Request
from collectors.mqtt.listener import Heard, Listener
from collectors.mqtt.payload import DecodeError
from collectors.mqtt.settings import MqttDevice, MqttSettings
from collectors.mqtt.sparkplug import DataType, Metric, Payload, number, read, write
from metering.clock import Clock
from metering.instant import parse
from tests import servers
from tests.collectors.mqtt.recording import RecordingSink
from tests.patience import PATIENCE_S

NOW = parse("2026-03-01T12:00:00Z")
NOW_MS = NOW // 1000
SPECIFICATION_NDATA = "COry9aigKxIeCg5TdXBwbHkgVm9sdGFnZRjq8vWooCsgCWXNzERBGAI="  # Sparkplug 3.0, example of NDATA
NODE, METER = "spBv1.0/works/{}/edge1", "spBv1.0/works/{}/edge1/meter1"


def device(topic: str = "spBv1.0/works/edge1/meter1", **options: object) -> MqttDevice:
    return MqttDevice.model_validate({"id": "it", "format": "sparkplug_b", "topic": topic, "options": options})


def power(value: int | None, *, name: str = "", alias: int | None = 1, unit: str = "W", **fields: object) -> Metric:
    properties = {"engUnit": unit} if unit else {}
    metric = Metric(name, alias, NOW_MS, DataType.INT32, None if value is None else value % 2**32, properties)
    return metric._replace(**fields)


def node_birth(session: int = 0) -> Payload:
    return Payload(NOW_MS, 0, (Metric("bdSeq", None, NOW_MS, DataType.INT64, session),))


def device_birth(seq: int = 1) -> Payload:
    return Payload(NOW_MS, seq, (power(-4200, name="Meter/P_total"),))


def data(seq: int, *metrics: Metric) -> Payload:
    return Payload(NOW_MS, seq, metrics or (power(-4150, unit=""),))


class Hearing:
    """One device, told message after message."""

    def __init__(self, hearing: MqttDevice | None = None) -> None:
        self.listener = Listener(hearing or device())

    def __call__(self, kind: str, payload: Payload) -> Heard:
        topic = (METER if kind.startswith("D") else NODE).format(kind)
        return self.listener.hear(Message(topic, write(payload), NOW))


def said(heard: Heard) -> list[tuple[str, float]]:
    return [(reading.quantity, reading.value) for reading in heard.readings]


@pytest.fixture
def born() -> Hearing:
    """A meter whose births were heard."""
    hearing = Hearing()
    hearing("NBIRTH", node_birth())
    heard = hearing("DBIRTH", device_birth())
    assert said(heard) == [("active_power", -4200)]
    assert heard.request is None
    return hearing


def test_what_is_written_is_what_the_specification_prints() -> None:
    printed = base64.b64decode(SPECIFICATION_NDATA)
    payload = read(printed)
    (metric,) = payload.metrics
    assert (metric.name, metric.datatype, payload.seq) == ("Supply Voltage", DataType.FLOAT, 2)
    assert metric.value == pytest.approx(12.3)
    assert write(payload) == printed


@given(st.integers(0, 2**64 - 1), st.binary(max_size=300), st.floats(allow_nan=False))
def test_fields_are_read_back(integer: int, some: bytes, real: float) -> None:
    written = protobuf.varint_field(1, integer) + protobuf.bytes_field(200, some) + protobuf.double_field(3, real)
    assert [value for _, value in protobuf.fields(written)][:2] == [integer, some]
    assert [field for field, _ in protobuf.fields(written)] == [1, 200, 3]


@given(st.binary(max_size=60))
def test_any_bytes_are_a_payload_or_a_decode_error(some: bytes) -> None:
    try:
        read(some)
    except DecodeError:
        return


@pytest.mark.parametrize("cut", range(1, len(base64.b64decode(SPECIFICATION_NDATA))))
def test_a_payload_cut_off_never_invents_a_value(cut: int) -> None:
    whole = base64.b64decode(SPECIFICATION_NDATA)
    try:
        payload = read(whole[:cut])
    except DecodeError:
        return
    assert not payload.metrics or payload.metrics == read(whole).metrics


@pytest.mark.parametrize(
    ("raw", "datatype", "wanted"),
    [
        (4294963096, DataType.INT32, -4200),
        (0xFFFFFFFF, DataType.INT8, -1),
        (0xFF, DataType.INT8, -1),
        (2**64 - 5, DataType.INT64, -5),
        (4294963096, DataType.UINT32, 4294963096),
        (1.5, DataType.DOUBLE, 1.5),
        (True, DataType.BOOLEAN, None),
        (1486144502122, 13, None),  # DateTime
        (7, DataType.UNKNOWN, None),
    ],
)
def test_numbers_by_their_datatype(raw: float, datatype: int, wanted: float | None) -> None:
    assert number(raw, datatype) == wanted


def test_an_alias_is_known_from_the_birth_with_unit_and_datatype(born: Hearing) -> None:
    heard = born("DDATA", data(2, power(-4150, unit="", datatype=None)))
    assert said(heard) == [("active_power", -4150)]
    assert (heard.request, heard.refused) == (None, ())


def test_an_unknown_alias_is_refused_and_the_births_are_asked_for() -> None:
    heard = Hearing()("DDATA", data(7))
    assert said(heard) == []
    assert "alias 1" in heard.refused[0]
    assert heard.request is not None
    assert heard.request.topic == "spBv1.0/works/NCMD/edge1"
    (order,) = read(heard.request.payload).metrics
    assert order[:5] == ("Node Control/Rebirth", None, NOW_MS, DataType.BOOLEAN, True)
    silent = Hearing(device(rebirth=False))
    assert silent("DDATA", data(7)).request is None


def test_a_gap_is_told_once_and_costs_no_value(born: Hearing) -> None:
    heard = born("DDATA", data(5))
    assert said(heard) == [("active_power", -4150)]
    assert heard.refused == ("sequence number 5 where 2 is due: messages before this one are missing",)
    assert heard.request is not None
    again = born("DDATA", data(6))
    assert again.refused == ()
    assert again.request is not None, "until the births have come"
    born("NBIRTH", node_birth())
    born("DBIRTH", device_birth())
    assert born("DDATA", data(2)).request is None


def test_messages_of_other_devices_count_in_the_sequence(born: Hearing) -> None:
    other = Message("spBv1.0/works/DDATA/edge1/meter2", write(data(2, power(99))), NOW)
    assert said(born.listener.hear(other)) == []
    assert born("DDATA", data(3)).refused == ()


def test_the_sequence_goes_round(born: Hearing) -> None:
    for seq in range(2, 600):
        assert born("DDATA", data(seq % 256)).refused == ()


def test_a_birth_forgets_the_aliases_of_the_one_before(born: Hearing) -> None:
    born("NBIRTH", node_birth(1))
    heard = born("DDATA", data(1))
    assert said(heard) == []
    assert heard.refused


def test_deaths() -> None:
    hearing = Hearing()
    hearing("NBIRTH", node_birth(4))
    with pytest.raises(DecodeError, match="session 3"):
        hearing("NDEATH", node_birth(3)._replace(seq=None))
    assert hearing("DDEATH", Payload(NOW_MS, 1)).offline is not None
    assert hearing("NDEATH", node_birth(4)._replace(seq=None)).offline is not None
    node = Hearing(device("spBv1.0/works/edge1"))
    assert node("DDEATH", Payload(NOW_MS, 1)).offline is None, "of a device behind it"


def test_null_bad_quality_and_untold_meaning_are_no_values(born: Hearing) -> None:
    stale = power(1)._replace(properties={"engUnit": "W", "Quality": 500})
    limit = Metric("Limit/P_max", None, NOW_MS, DataType.INT32, 5, {"engUnit": "W"})
    bare = Metric("Meter/P_total2", None, NOW_MS, DataType.INT32, 5)
    heard = born("DDATA", data(2, stale, power(None), limit, bare))
    assert said(heard) == []
    assert heard.refused == ()


@pytest.mark.parametrize("topic", ["works/NCMD/edge1", "works/DCMD/edge1/meter1", "STATE/scada1"])
def test_commands_and_states_of_hosts_are_no_values(born: Hearing, topic: str) -> None:
    message = Message(f"spBv1.0/{topic}", write(data(99, power(5, name="Meter/P_total"))), NOW)
    heard = born.listener.hear(message)
    assert (said(heard), heard.refused, heard.request) == ([], (), None)
    assert decode(message.topic, message.payload, NOW).results == []


def test_configured_metrics_replace_the_conventions() -> None:
    metrics = {"S7/DB1/DW4": {"quantity": "active_power", "unit": "kW", "factor": 0.1}}
    hearing = Hearing(device(metrics=metrics))
    heard = hearing("DDATA", data(1, power(25, name="S7/DB1/DW4", unit=""), power(1, name="Meter/P_total")))
    assert said(heard) == [("active_power", 2500)]


@pytest.mark.parametrize("topic", ["spBv1.0/works", "spBv1.0/a/b/c/d", "spAv1.0/a/b"])
def test_a_topic_that_is_no_edge_node_is_a_settings_error(topic: str) -> None:
    with pytest.raises(ValueError, match=r"'it'.*spBv1\.0/<group>"):
        device(topic)


def test_requests_are_sent_at_most_twice_a_minute_each() -> None:
    requests, one, other = Requests(), Request("a", b"1"), Request("b", b"2")
    for _ in range(3):
        requests.add(one)
    assert requests.due(0.0) == [one]
    assert requests.due(1.0) == []
    requests.add(one)
    requests.add(other)
    assert requests.due(2.0) == [other]
    requests.add(one)
    assert requests.due(31.0) == [one]


async def test_an_edge_node_that_answers_is_understood_over_a_real_broker(
    mosquitto: servers.Server, sink: RecordingSink
) -> None:
    meters = [
        {"id": name, "format": "sparkplug_b", "topic": f"spBv1.0/live/edge1/{name}"} for name in ("meter1", "meter2")
    ]
    config = {"id": "sparkplug", "host": mosquitto.host, "port": mosquitto.port, "devices": meters}
    collector = MqttCollector(MqttSettings.model_validate(config), Clock())
    async with aiomqtt.Client(mosquitto.host, mosquitto.port) as edge, asyncio.TaskGroup() as tasks:
        await edge.subscribe("spBv1.0/live/#")
        listening = tasks.create_task(collector.run(sink))
        while not collector.counts.connections:  # noqa: ASYNC110 - the collector counts, and tells no one
            await asyncio.sleep(0.01)
        await edge.publish("spBv1.0/live/DDATA/edge1/meter1", write(data(9)), qos=1)
        async with asyncio.timeout(PATIENCE_S):
            async for message in edge.messages:
                if "/NCMD/" in str(message.topic):
                    break
        assert str(message.topic) == "spBv1.0/live/NCMD/edge1"
        await edge.publish("spBv1.0/live/NBIRTH/edge1", write(node_birth()))
        await edge.publish("spBv1.0/live/DBIRTH/edge1/meter1", write(device_birth()))
        await edge.publish("spBv1.0/live/DDATA/edge1/meter1", write(data(2)))
        await sink.until(readings=2, letters=1)
        listening.cancel()
    assert sink.values("meter1") == [-4200, -4150]
    assert sink.values("meter2") == []
    assert collector.counts.requests == 1, "both meters asked, the broker was told once"
    assert "alias 1" in sink.letters[0].reason
