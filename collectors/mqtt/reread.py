"""Reading a message again that nobody could decode, with the settings and formats of today."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from collectors.mqtt.format import Message
from collectors.mqtt.listener import Listener
from collectors.mqtt.payload import DecodeError
from collectors.mqtt.router import Router
from collectors.mqtt.settings import MqttSettings
from collectors.protocol import DeadLetter
from metering.reading import Reading


class Reread(NamedTuple):
    """What a letter says today. ``problem`` is worded as in the letter's reason; "" if all of it is understood."""

    readings: list[Reading]
    problem: str


class Rereader:
    """Decodes dead letters. Give it those of one source in their order, since some formats remember."""

    def __init__(self, brokers: Iterable[MqttSettings]) -> None:
        self._routers = {broker.id: Router(map(Listener, broker.devices)) for broker in brokers}

    def read(self, letter: DeadLetter) -> Reread:
        router = self._routers.get(letter.source)
        if router is None:
            return Reread([], f"there is no broker {letter.source!r} in the settings")
        listeners, _ = router[letter.topic]
        if not listeners:
            return Reread([], "no device has this topic")
        readings: list[Reading] = []
        problems: list[str] = []
        message = Message(letter.topic, letter.payload, letter.received_us, letter.retained)
        for listener in listeners:
            problems += (f"{listener.device.id}: {problem}" for problem in _heard(listener, message, readings))
        return Reread(readings, "; ".join(problems))


def _heard(listener: Listener, message: Message, readings: list[Reading]) -> Iterator[str]:
    try:
        heard = listener.hear(message)
    except DecodeError as error:
        yield str(error)
    else:
        readings += heard.readings
        yield from heard.refused
