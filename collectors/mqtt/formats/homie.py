"""Homie: a topic for each property under ``homie/5/<device>``, described once in ``$description``.

https://homieiot.github.io/specification/ — version 5, and 3 and 4 (``homie/<device>``, a topic for each attribute).
"""

from collections.abc import Mapping

from pydantic import Field

from collectors.mqtt.format import Decoded, Format, Harvest, Message
from collectors.mqtt.formats._point_names import meaning
from collectors.mqtt.meaning import Meaning
from collectors.mqtt.payload import read_number, read_object, read_text
from metering.strict import Strict

_NUMERIC = {"integer", "float"}
_STATES = {"init", "ready", "disconnected", "sleeping", "lost", "alert"}
_SILENT = {"disconnected", "lost"}


class HomieOptions(Strict):
    properties: dict[str, Meaning] = Field(default_factory=dict)
    """Properties as node/property, e.g. meter/power. If given, no other is read, and no description is needed."""


class Homie(Format[HomieOptions]):
    """Values are retained and have no time, so those from before the connection are never taken."""

    name = "homie"
    remembers = True
    Options = HomieOptions

    def __init__(self, topic: str, options: HomieOptions) -> None:
        super().__init__(topic, options)
        self._datatypes: dict[str, str] = {}
        self._units: dict[str, str] = {}

    @classmethod
    def recognise(cls, topic: str, payload: bytes) -> str | None:
        match topic.split("/"):
            case [base, "5", device, _, *rest] if base == "homie" and len(rest) < 2:
                return f"{base}/5/{device}"
            case ["homie", device, "$state"] if payload.decode(errors="replace") in _STATES:
                return f"homie/{device}"
            case ["homie", device, node, prop, *rest] if not node.startswith("$") and (not rest or rest[0][:1] == "$"):
                return f"homie/{device}" if not prop.startswith("$") else None
        return None

    def subscriptions(self) -> tuple[str, ...]:
        return (f"{self.topic}/#",)

    def decode(self, message: Message) -> Decoded:
        match message.topic.removeprefix(f"{self.topic}/").split("/"):
            case ["$state"]:
                state = read_text(message.payload)
                return Decoded(offline=f"offline, says Homie ({state})" if state in _SILENT else None)
            case ["$description"]:
                self._describe(read_object(message.payload))
            case [node, prop, "$unit"]:
                self._units[f"{node}/{prop}"] = read_text(message.payload)
            case [node, prop, "$datatype"]:
                self._datatypes[f"{node}/{prop}"] = read_text(message.payload)
            case [node, prop] if not node.startswith("$") and not prop.startswith("$"):
                return self._value(f"{node}/{prop}", message.payload)
        return Decoded()

    def _describe(self, description: Mapping[str, object]) -> None:
        self._datatypes.clear()
        self._units.clear()
        for node_id, node in _objects(description.get("nodes")).items():
            for prop_id, prop in _objects(node.get("properties")).items():
                name = f"{node_id}/{prop_id}"
                self._datatypes[name] = str(prop.get("datatype"))
                if isinstance(unit := prop.get("unit"), str):
                    self._units[name] = unit

    def _value(self, name: str, payload: bytes) -> Decoded:
        configured = self.options.properties.get(name)
        harvest = Harvest()
        if configured is not None:
            harvest.add(configured.quantity, configured.scaled(read_number(payload)), configured.unit, "", "")
        elif not self.options.properties and self._datatypes.get(name, "float") in _NUMERIC:
            found = meaning(name.rpartition("/")[2], self._units.get(name)) or meaning(name, self._units.get(name))
            if found is not None:
                harvest.add(found[0], read_number(payload), found[1], "")
        return harvest.decoded()


def _objects(value: object) -> dict[str, dict[str, object]]:
    items = value.items() if isinstance(value, dict) else ()
    return {key: item for key, item in items if isinstance(item, dict)}
