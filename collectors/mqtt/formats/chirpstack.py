"""ChirpStack 4, and 3 with its JSON marshaler: ``application/<id>/device/<eui>/event/up`` and ``/event/status``.

https://www.chirpstack.io/docs/chirpstack/integrations/events.html — values are there only if a codec is configured.
"""

from collections.abc import Mapping

from collectors.mqtt.format import Decoded, Format, Harvest, Message
from collectors.mqtt.formats._lorawan import Options, take
from collectors.mqtt.payload import iso_instant, read_object

_EVENTS = {"up", "status", "join", "ack", "txack", "log", "error", "location", "integration"}


class ChirpStack(Format[Options]):
    """The device's topic is ``application/<id>/device/<eui>``."""

    name = "chirpstack"
    Options = Options

    @classmethod
    def recognise(cls, topic: str, payload: bytes) -> str | None:  # noqa: ARG003
        match topic.split("/"):
            case [*_, "application", _, "device", _, "event", event] if event in _EVENTS:
                return topic.removesuffix(f"/event/{event}")
        return None

    def subscriptions(self) -> tuple[str, ...]:
        return (f"{self.topic}/event/up", f"{self.topic}/event/status")

    def decode(self, message: Message) -> Decoded:
        event = message.topic.rpartition("/")[2]
        root = read_object(message.payload)
        harvest = Harvest(_time(root))
        said = root.get("object")
        if event == "up" and isinstance(said, dict):
            take(harvest, said, "/object", self.options)
        elif event == "status" and not (root.get("batteryLevelUnavailable") or root.get("externalPowerSource")):
            harvest.add("battery", root.get("batteryLevel"), "%", "/batteryLevel")
        return harvest.decoded()


def _time(root: Mapping[str, object]) -> int | None:
    """Version 3 gives only the times of the gateways, of those that know the time."""
    heard = root.get("rxInfo")
    gateways = [one.get("time") for one in heard if isinstance(one, dict)] if isinstance(heard, list) else []
    times = (iso_instant(text) for text in (root.get("time"), *gateways))
    return next((time_us for time_us in times if time_us is not None), None)
