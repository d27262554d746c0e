"""The codec: against another one, in whatever pieces bytes arrive, and against bytes that are no MQTT."""

from io import BytesIO
from typing import Any

import msgspec
import pytest
from amqtt.mqtt.connect import ConnectPacket
from amqtt.mqtt.publish import PublishPacket
from amqtt.mqtt.subscribe import SubscribePacket
from hypothesis import given
from hypothesis import strategies as st

from collectors.mqtt import packets
from collectors.mqtt.packets import Delivery, Kind, MalformedPacket, Packet, Reader, Version

VERSIONS: tuple[Version, ...] = ("5", "3.1.1")
versions = st.sampled_from(VERSIONS)
topics = st.text(st.characters(exclude_characters="\0#+", exclude_categories=["Cs"]), min_size=1, max_size=200)
payloads = st.binary(max_size=300)
messages = st.lists(st.tuples(topics, payloads, st.booleans(), st.integers(0, 0xFFFF)), max_size=8)


def read_by_another(kind: Any, data: bytes) -> Any:
    """As amqtt reads it, which speaks 3.1.1."""
    reading = kind.from_stream(_Whole(data))
    try:
        reading.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits for more")


class _Whole(BytesIO):
    """A stream that is all there."""

    async def read(self, n: int = -1) -> bytes:  # type: ignore[override]
        return super().read(n)


@given(messages, versions, st.lists(st.integers(1, 400)), st.integers(1, 5))
def test_messages_come_back_however_the_bytes_are_cut(
    sent: list[tuple[str, bytes, bool, int]], version: Version, cuts: list[int], most: int
) -> None:
    data = b"".join(packets.publish(version, t, p, retain=retain, number=n) for t, p, retain, n in sent)
    data += packets.PINGREQ
    reader, got, others, at = Reader(version), list[Delivery](), list[Packet](), 0
    for cut in [*cuts, len(data)]:
        reader.feed(data[at : at + cut])
        at += cut
        while True:
            found, rest = reader.take(most, 7)
            assert len(found) <= most
            got += found
            others += rest
            if not found:
                break
    assert [msgspec.structs.replace(one, received_us=0) for one in got] == [
        Delivery(t, p, 0, retain, False, 1 if n else 0, n) for t, p, retain, n in sent
    ]
    assert others == [Packet(Kind.PINGREQ, b"")]


@given(topics, payloads, st.booleans(), st.integers(0, 0xFFFF))
def test_another_codec_reads_a_message_alike(topic: str, payload: bytes, retain: bool, number: int) -> None:  # noqa: FBT001
    packet = read_by_another(PublishPacket, packets.publish("3.1.1", topic, payload, retain=retain, number=number))
    assert (packet.topic_name, bytes(packet.payload.data or b"")) == (topic, payload)
    assert (packet.retain_flag, packet.qos, packet.packet_id or 0) == (retain, 1 if number else 0, number)


@given(topics, topics, topics, payloads, st.booleans())
def test_another_codec_reads_a_connect_alike(client: str, user: str, topic: str, will: bytes, stays: bool) -> None:  # noqa: FBT001
    data = packets.connect(
        "3.1.1",
        client,
        keepalive_s=30,
        username=user,
        password=user[::-1],
        will=(topic, will),
        session_expiry_s=int(stays),
    )
    packet = read_by_another(ConnectPacket, data)
    assert (packet.client_id, packet.username, packet.password) == (client, user, user[::-1])
    assert (packet.will_topic, bytes(packet.will_message), packet.will_retain_flag) == (topic, will, True)
    assert (packet.clean_session_flag, packet.keep_alive) == (not stays, 30)


@given(st.lists(topics, min_size=1, max_size=5), st.integers(1, 0xFFFF))
def test_another_codec_reads_a_subscription_alike(filters: list[str], number: int) -> None:
    packet = read_by_another(SubscribePacket, packets.subscribe("3.1.1", number, filters))
    assert packet.payload.topics == [(topic, 1) for topic in filters]
    assert packet.variable_header.packet_id == number


@given(st.binary(max_size=200), versions)
def test_bytes_that_are_no_mqtt_are_malformed_and_nothing_else(data: bytes, version: Version) -> None:
    reader = Reader(version)
    reader.feed(data)
    try:
        _, others = reader.take(10, 0)
        for packet in others:
            packets.answer(packet)
            packets.granted(version, packet)
    except MalformedPacket:
        pass


@pytest.mark.parametrize("duplicate", [False, True])
def test_properties_of_a_message_are_passed_over(duplicate: bool) -> None:  # noqa: FBT001
    properties = b"\x01\x01\x02\x00\x00\x00\x3c\x26\x00\x01a\x00\x01b"
    body = b"\x00\x01t\x00\x09" + bytes([len(properties)]) + properties + b"42"
    reader = Reader("5")
    reader.feed(bytes([0x3A if duplicate else 0x32, len(body)]) + body)
    assert reader.take(1, 5) == ([Delivery("t", b"42", 5, False, duplicate, 1, 9)], [])


def test_messages_that_come_together_have_times_of_their_own() -> None:
    reader = Reader("5")
    reader.feed(3 * packets.publish("5", "t", b"1", number=1))
    assert [one.received_us for one in reader.take(9, 100)[0]] == [100, 101, 102]


def test_a_refusal_is_read_with_its_reason() -> None:
    body = b"\x00\x87\x0e\x1f\x00\x03why\x13\x00\x0a\x0b\x80\x01\x24\x01"
    assert packets.answer(Packet(Kind.CONNACK, body)) == (0x87, {0x1F: "why", 0x13: 10, 0x24: 1})
    assert packets.answer(Packet(Kind.CONNACK, b"\x00\x01")).code == 1, "as a broker of 3.1.1 answers any other version"
    assert packets.answer(Packet(Kind.DISCONNECT, b"")).code == 0


def test_acknowledgements_are_for_what_has_a_number() -> None:
    some = [Delivery("t", b"", 0, False, False, qos, qos * 257) for qos in (0, 1, 2)]
    assert packets.acknowledgement(some) == b"\x40\x02\x01\x01\x50\x02\x02\x02"
    assert packets.completion(Packet(Kind.PUBREL, b"\x02\x02")) == b"\x70\x02\x02\x02"
