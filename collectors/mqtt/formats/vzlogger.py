"""vzlogger: a topic for each channel, ``<topic>/<channel>/raw`` and ``/agg``, with a number or a small JSON object.

https://github.com/volkszaehler/vzlogger (src/mqtt.cpp). Neither quantity nor unit are in the message: counters are in
Wh if vzlogger reads SML, in kWh if it reads D0.
"""

from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from collectors.mqtt.format import Decoded, Format, Harvest, Message, Unnamed
from collectors.mqtt.meaning import Meaning
from collectors.mqtt.payload import DecodeError, as_number, epoch_instant, read_number, read_object
from metering.strict import Strict


class Options(Strict):
    channels: dict[str, Meaning] = Field(min_length=1)
    """What each channel means; the key is as in the topic, e.g. chn0."""
    values: Literal["raw", "agg"] = "raw"
    """Which of the two to read: every reading of the meter, or vzlogger's means."""


class Vzlogger(Format[Options]):
    """The device's topic is that of all its channels, such as ``vzlogger/data``."""

    name = "vzlogger"
    Options = Options

    @classmethod
    def recognise(cls, topic: str, payload: bytes) -> str | None:  # noqa: ARG003
        match topic.split("/"):
            case [_, *_, channel, "raw" | "agg" | "id" | "uuid"] if (
                channel.startswith("chn") and channel[3:].isdecimal()
            ):
                return "/".join(topic.split("/")[:-2])
        return None

    @classmethod
    def numbers(cls, message: Message) -> Iterable[Unnamed]:
        head, _, last = message.topic.rpartition("/")
        if last not in ("raw", "agg"):
            return ()
        number, time_us, source = _read(message.payload)
        return [Unnamed(number, time_us, source, head.rpartition("/")[2])]

    def subscriptions(self) -> tuple[str, ...]:
        return tuple(f"{self.topic}/{channel}/{self.options.values}" for channel in self.options.channels)

    def decode(self, message: Message) -> Decoded:
        channel, _, last = message.topic.removeprefix(self.topic + "/").rpartition("/")
        meaning = self.options.channels.get(channel)
        if meaning is None or last != self.options.values:
            return Decoded()
        number, time_us, source = _read(message.payload)
        harvest = Harvest(time_us)
        harvest.add(meaning.quantity, meaning.scaled(number), meaning.unit, source)
        return harvest.decoded()


def _read(payload: bytes) -> tuple[float, int | None, str]:
    """The number, its time and its place; the time is there with vzlogger's setting ``timestamp``."""
    if not payload.lstrip().startswith(b"{"):
        return read_number(payload), None, ""
    reading = read_object(payload)
    number = as_number(reading.get("value"))
    if number is None:
        raise DecodeError("/value holds no number")
    return number, epoch_instant(reading.get("timestamp"), 1000), "/value"
