"""A plain number on a topic of its own, such as ``23.5``. What it means stands in the options."""

from collections.abc import Iterable

from collectors.mqtt.format import Decoded, Format, Harvest, Message, Unnamed
from collectors.mqtt.meaning import Meaning
from collectors.mqtt.payload import read_number


class Number(Format[Meaning]):
    """The topic carries no time, so the moment of receipt counts; a retained number is never taken."""

    name = "number"
    Options = Meaning

    @classmethod
    def recognise(cls, topic: str, payload: bytes) -> str | None:  # noqa: ARG003
        """Never: a number alone could be anything."""
        return None

    @classmethod
    def numbers(cls, message: Message) -> Iterable[Unnamed]:
        return [Unnamed(read_number(message.payload), None, "")]

    def subscriptions(self) -> tuple[str, ...]:
        return (self.topic,)

    def decode(self, message: Message) -> Decoded:
        harvest = Harvest()
        number = read_number(message.payload)
        harvest.add(self.options.quantity, self.options.scaled(number), self.options.unit, "")
        return harvest.decoded()
