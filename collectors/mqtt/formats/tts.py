"""The Things Stack 3 (The Things Network): ``v3/<application>@<tenant>/devices/<device>/up``.

https://www.thethingsindustries.com/docs/integrations/data-formats/ — ``normalized_payload`` has defined units; where
a device has it, ``decoded_payload`` says the same again in the words of its maker and is not read.
"""

from collections.abc import Mapping

from collectors.mqtt.format import Decoded, Format, Harvest, Message, Table
from collectors.mqtt.formats._lorawan import Options, take
from collectors.mqtt.payload import iso_instant, pointer, read_object

_AIR: Table = {
    "temperature": ("temperature", "°C"),
    "relativeHumidity": ("humidity", "%"),
    "pressure": ("pressure", "hPa"),
    "co2": ("co2", "ppm"),
    "lightIntensity": ("illuminance", "lx"),
}
_DEVICE: Table = {"battery": ("battery_voltage", "V")}


class TheThingsStack(Format[Options]):
    """The device's topic is ``v3/<application>@<tenant>/devices/<device>``."""

    name = "tts"
    Options = Options

    @classmethod
    def recognise(cls, topic: str, payload: bytes) -> str | None:  # noqa: ARG003
        match topic.split("/"):
            case ["v3", _, "devices", _, *kind] if kind:
                return "/".join(topic.split("/")[:4])
        return None

    def subscriptions(self) -> tuple[str, ...]:
        return (f"{self.topic}/up",)

    def decode(self, message: Message) -> Decoded:
        root = read_object(message.payload)
        uplink = root.get("uplink_message")
        if not isinstance(uplink, dict) or root.get("simulated") is True:
            return Decoded()
        harvest = Harvest(_time(root, uplink))
        normalized = uplink.get("normalized_payload")
        if isinstance(normalized, list) and not self.options.keys:
            for number, measurement in enumerate(normalized):
                if isinstance(measurement, dict):
                    _take(harvest, measurement, pointer("uplink_message", "normalized_payload", number))
        decoded = uplink.get("decoded_payload")
        if isinstance(decoded, dict) and not harvest.values:
            take(harvest, decoded, "/uplink_message/decoded_payload", self.options)
        return harvest.decoded()


def _take(harvest: Harvest, measurement: Mapping[str, object], source: str) -> None:
    harvest.take(measurement, _DEVICE, source)
    air = measurement.get("air")
    if isinstance(air, dict):
        harvest.take(air, _AIR, source + "/air")


def _time(root: Mapping[str, object], uplink: Mapping[str, object]) -> int | None:
    """When the network server heard it; the year 1 stands for a time that was not set."""
    times = (iso_instant(item.get("received_at")) for item in (uplink, root))
    return next((time_us for time_us in times if time_us is not None and time_us > 0), None)
