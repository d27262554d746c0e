"""What an encoder writes, the decoder of the same format reads: every value, the time, nothing more."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paho.mqtt.client import topic_matches_sub

from collectors.mqtt.format import Message
from collectors.mqtt.formats import formats
from collectors.mqtt.listener import Listener
from collectors.mqtt.settings import MqttDevice
from device_sim.mqtt.encoders import encoder
from metering.instant import HOUR, parse
from metering.quantities import QUANTITIES
from tests.device_sim.shapes import OPTIONS, SHAPES, TOPICS

LARGEST = 1e6
MAINS = (100.0, 420.0)
NOW = parse("2026-10-25T00:30:00Z")


@pytest.mark.parametrize("shape", SHAPES)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_round_trip(shape: str, data: st.DataObject) -> None:
    name, words = SHAPES[shape]
    quantities = words.split()
    options, topic = OPTIONS.get(name, {}), TOPICS.get(name, "some/thing")
    optional = quantities[1:] if shape != "zigbee battery" else []
    left_out = data.draw(st.sets(st.sampled_from(optional)) if optional else st.just(set()))
    values = {quantity: data.draw(_plausible(quantity)) for quantity in quantities if quantity not in left_out}
    time_us = data.draw(st.integers(NOW - 5 * HOUR, NOW))
    sent = encoder(name).encode(topic, values, time_us, options)

    device = MqttDevice.model_validate({"id": "it", "format": name, "topic": topic, "options": options})
    listener = Listener(device)
    assert any(_matches(sent.topic, topic) for topic in listener.subscriptions())
    heard = listener.hear(Message(sent.topic, sent.payload, NOW))
    assert heard.request is None
    got = {reading.quantity: reading.value for reading in heard.readings}
    assert got == pytest.approx(sent.values, rel=1e-9, abs=1e-9)
    assert heard.refused == ()
    assert sent.values.keys() == values.keys()
    assert sent.values == pytest.approx(values, abs=0.6, rel=1e-6), "rounded as the device shows it, and no more"
    assert {reading.time_us for reading in heard.readings} == {NOW if sent.time_us is None else sent.time_us}
    assert (sent.time_us is None) == (name in ("number", "homie"))
    assert sent.time_us is None or 0 <= time_us - sent.time_us < 1_000_000


def _plausible(quantity: str) -> st.SearchStrategy[float]:
    if quantity.startswith("voltage"):
        return st.floats(*MAINS)
    known = QUANTITIES[quantity]
    return st.floats(max(known.low, -LARGEST), min(known.high, LARGEST), allow_nan=False)


def _matches(topic: str, topic_filter: str) -> bool:
    return topic_matches_sub(topic_filter, topic)


@pytest.mark.parametrize("name", ["tasmota", "zigbee2mqtt", "shelly_gen1", "shelly_gen2", "homie", "sparkplug_b"])
def test_availability_is_understood(name: str) -> None:
    topic = TOPICS.get(name, "thing")
    listener = Listener(MqttDevice.model_validate({"id": "it", "format": name, "topic": topic}))
    for online in (True, False):
        message = encoder(name).availability(topic, online, {})
        if message is None:
            assert (name, online) == ("sparkplug_b", True)
            continue
        heard = listener.hear(Message(message.topic, message.payload, NOW, message.retain))
        assert not heard.readings
        assert (heard.offline is None) is online


@pytest.mark.parametrize("name", sorted({name for name, _ in SHAPES.values()}))
def test_what_a_format_has_no_word_for_is_an_error(name: str) -> None:
    with pytest.raises(ValueError, match=r"can't say .*irradiance"):
        encoder(name).encode(TOPICS.get(name, "thing"), {"irradiance": 1.0}, NOW, OPTIONS.get(name, {}))


def test_every_format_has_an_encoder() -> None:
    assert {name for name, _ in SHAPES.values()} == formats().keys()


def test_an_unknown_format_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="tasmota"):
        encoder("nonsense")
