"""Spoiled payloads to every decoder: a reading or a `DecodeError`, soon, and never a number that is none."""

import base64
import json
import math
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

from msgspec.structs import replace

from collectors.mqtt.decode import decode
from collectors.mqtt.format import Format, Message
from collectors.mqtt.formats import formats, recognise
from collectors.mqtt.listener import select
from collectors.mqtt.payload import DecodeError
from device_sim.mqtt.encoders import encoder
from metering.instant import parse
from metering.quantities import QUANTITIES
from tests.device_sim.shapes import OPTIONS, SHAPES, TOPICS
from tests.fuzz.mutation import mutated, mutated_text

LONGEST_S = 1.0
"""CPU time that one input may take."""
_VECTORS = Path(__file__).parents[2].parent / "shared" / "data" / "vectors" / "dev_mqtt.json"
_NOW = parse("2026-03-01T12:00:00Z")
_TOPIC = "some/thing"
_REMEMBER = 40  # messages until a decoder begins anew, as after a lost connection


class Fault(AssertionError):
    """What a decoder must not do; the message names the input, so that it can be done again."""


def corpus() -> Sequence[Message]:
    """Payloads that are right: the simulator's of every format, and the published ones if they are beside this."""
    text = Message(f"tele/{_TOPIC}/RESULT", b'{"SerialReceived":"1-0:1.8.1(000123.456*kWh) 1-0:1.7.0(00.3*kW)"}', _NOW)
    return [*_spoken(), *_published(), text]


class Decoders:
    """Feeds all formats; ``counts`` says how many inputs there were and what became of them."""

    def __init__(self, seed: int) -> None:
        self.counts: Counter[str] = Counter()
        self.slowest_s = 0.0
        self._random = Random(seed)
        self._corpus = corpus()
        self._decoders: dict[str, Format[Any]] = {}

    def step(self) -> None:
        """One input to every format. Raises `Fault`."""
        if self.counts["inputs"] % _REMEMBER == 0:
            self._decoders = {name: _decoder(kind) for name, kind in formats().items()}
        original = self._random.choice(self._corpus)
        topic = original.topic if self._random.random() < 0.8 else mutated_text(self._random, original.topic)
        message = Message(topic, mutated(self._random, original.payload), _NOW)
        self.counts["inputs"] += 1
        self._recognise(message)
        for name, decoder in self._decoders.items():
            self._decode(name, decoder, message)

    def _recognise(self, message: Message) -> None:
        begun_s = time.thread_time()
        try:
            recognise(message.topic, message.payload)
            decode(message.topic, message.payload, _NOW)
        except DecodeError:
            self.counts["unrecognised"] += 1
        except Exception as defect:
            raise Fault(f"recognising failed: {defect!r} on {message!r}") from defect
        self._time("recognising", message, begun_s)

    def _decode(self, name: str, decoder: Format[Any], message: Message) -> None:
        ours = replace(message, topic=message.topic.replace(_TOPIC, decoder.topic))
        begun_s = time.thread_time()
        try:
            decoded = decoder.decode(ours)
            list(type(decoder).numbers(ours))
        except DecodeError:
            self.counts["refused"] += 1
            return
        except Exception as defect:
            raise Fault(f"{name} failed: {defect!r} on {ours!r}") from defect
        self._time(name, ours, begun_s)
        for value in decoded.values:
            if value.quantity not in QUANTITIES or not isinstance(value.value, float | int):
                raise Fault(f"{name} made {value!r} of {ours!r}")
            if not math.isfinite(value.value) or not isinstance(value.time_us, int | None):
                raise Fault(f"{name} made {value!r} of {ours!r}")
        select(decoded.values, "", whole=decoder.whole)
        self.counts["decoded"] += 1
        self.counts["values"] += len(decoded.values)

    def _time(self, name: str, message: Message, begun_s: float) -> None:
        took_s = time.thread_time() - begun_s
        self.slowest_s = max(self.slowest_s, took_s)
        if took_s > LONGEST_S:
            raise Fault(f"{name} took {took_s:.1f} s for {message!r}")


def _decoder(kind: type[Format[Any]]) -> Format[Any]:
    topic = TOPICS.get(kind.name, _TOPIC)
    return kind(topic, kind.Options.model_validate(OPTIONS.get(kind.name, {})))


def _spoken() -> Iterator[Message]:
    for name, words in SHAPES.values():
        topic, options = TOPICS.get(name, _TOPIC), OPTIONS.get(name, {})
        values = {quantity: min(50.0, QUANTITIES[quantity].high / 2) for quantity in words.split()}
        said = [encoder(name).encode(topic, values, _NOW, options)]
        said += [
            last for online in (True, False) if (last := encoder(name).availability(topic, online, options)) is not None
        ]
        yield from (Message(message.topic, message.payload, _NOW) for message in said)


def _published() -> Iterator[Message]:
    if _VECTORS.exists():
        for vector in json.loads(_VECTORS.read_text())["vectors"]:
            text = vector.get("payload")
            payload = text.encode() if isinstance(text, str) else base64.b64decode(vector["payload_base64"])
            yield Message(_as_ours(vector["topic"], payload), payload, _NOW)


def _as_ours(topic: str, payload: bytes) -> str:
    """The topic as if the device were one of those that listen here."""
    match topic.split("/"):
        case ["spBv1.0", _, kind, _, *behind]:
            return "/".join(("spBv1.0", "town", kind, "edge1", *behind))
    _, device = recognise(topic, payload) or ("", topic)
    return topic.replace(device, _TOPIC)
