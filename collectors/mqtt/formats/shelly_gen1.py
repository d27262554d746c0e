"""Shelly Gen1: a plain number a topic under ``shellies/<id>``, and the whole status as JSON on ``info``.

https://shelly-api-docs.shelly.cloud/gen1/ — outlets count watt-minutes, energy meters watt-hours.
"""

import re
from collections.abc import Mapping
from typing import Literal

from collectors.mqtt.format import Decoded, Format, Harvest, Message, Table
from collectors.mqtt.payload import epoch_instant, pointer, read_number, read_object, read_text
from metering.strict import Strict

_OUTLET: Table = {
    "power": ("active_power", "W"),
    "energy": ("active_energy_import", "Wmin"),  # the name of the counter on its topic …
    "total": ("active_energy_import", "Wmin"),  # … and in the status
}
_EMETER: Table = {
    "power": ("active_power", "W"),
    "reactive_power": ("reactive_power", "var"),
    "reactive": ("reactive_power", "var"),
    "pf": ("power_factor", "1"),
    "voltage": ("voltage", "V"),
    "current": ("current", "A"),
    "total": ("active_energy_import", "Wh"),
    "total_returned": ("active_energy_export", "Wh"),
}
_SENSOR: Table = {
    "temperature": ("temperature", "°C"),
    "humidity": ("humidity", "%"),
    "battery": ("battery", "%"),
    "lux": ("illuminance", "lx"),
}
_BY_PHASE = {"active_power", "voltage", "current"}
_COMPONENTS: Mapping[str, Table] = {"relay": _OUTLET, "roller": _OUTLET, "light": _OUTLET, "emeter": _EMETER}
_NUMBER = re.compile("[0-9]{1,3}")  # of a component
_OWN = "device"  # the part that is the device itself: how warm its electronics are


class Options(Strict):
    emeters: Literal["auto", "phases", "channels"] = "auto"
    """What the inputs of an energy meter are; auto: phases if ``em3`` is in the topic, as it is by default."""


class ShellyGen1(Format[Options]):
    """Channel 0 is the device as such, channel ``N`` is part ``N``; the registers of a phase are part ``L1`` …"""

    name = "shelly_gen1"
    Options = Options

    @classmethod
    def recognise(cls, topic: str, payload: bytes) -> str | None:
        if not topic.startswith("shellies/"):
            return None
        levels = topic.split("/")
        if len(levels) >= 5 and levels[-3] in _COMPONENTS and levels[-2].isdecimal():
            return "/".join(levels[:-3])
        if len(levels) >= 4 and (levels[-2] == "sensor" or (levels[-2] in _COMPONENTS and levels[-1].isdecimal())):
            return "/".join(levels[:-2])
        known = levels[-1] in ("temperature", "temperature_f", "overtemperature", "online", "announce")
        is_info = levels[-1] == "info" and b'"wifi_sta"' in payload
        return "/".join(levels[:-1]) if len(levels) >= 3 and (known or is_info) else None

    def subscriptions(self) -> tuple[str, ...]:
        return (f"{self.topic}/#",)

    def decode(self, message: Message) -> Decoded:
        path = message.topic.removeprefix(self.topic + "/").split("/")
        match path:
            case ["online"]:
                offline = read_text(message.payload) == "false"
                return Decoded(offline="offline, says its last will" if offline else None)
            case ["info"]:
                return self._info(read_object(message.payload))
            case ["temperature"]:
                return _plain(message, "temperature", "°C", _OWN)
            case ["sensor", key] if key in _SENSOR:
                return _plain(message, *_SENSOR[key], "")
            case [kind, number, key] if key in _COMPONENTS.get(kind, {}) and _NUMBER.fullmatch(number):
                quantity, unit = _COMPONENTS[kind][key]
                quantity, part = self._place(kind, int(number), quantity)
                return _plain(message, quantity, unit, part)
        return Decoded()

    def _place(self, kind: str, number: int, quantity: str) -> tuple[str, str]:
        """Quantity and part of what component ``number`` counts."""
        by_topic = "em3" in self.topic if self.options.emeters == "auto" else self.options.emeters == "phases"
        if kind != "emeter" or not by_topic or number > 2:
            return quantity, str(number) if number else ""
        return (f"{quantity}_l{number + 1}", "") if quantity in _BY_PHASE else (quantity, f"L{number + 1}")

    def _info(self, status: Mapping[str, object]) -> Decoded:
        """Only ``unixtime`` is UTC (0: not set); ``meters[].timestamp`` is local time as if it were UTC."""
        harvest = Harvest(epoch_instant(status.get("unixtime") or None, 1))
        for key, kind in (("meters", "relay"), ("emeters", "emeter")):
            meters = status.get(key)
            for number, meter in enumerate(meters if isinstance(meters, list) else []):
                if isinstance(meter, dict) and meter.get("is_valid") is not False:
                    for field, (name, unit) in _COMPONENTS[kind].items():
                        quantity, part = self._place(kind, number, name)
                        harvest.add(quantity, meter.get(field), unit, pointer(key, number, field), part)
        part = "" if "hum" in status else _OWN
        for key, field, quantity, unit, where in (
            ("tmp", "tC", "temperature", "°C", part),
            ("hum", "value", "humidity", "%", ""),
            ("bat", "value", "battery", "%", ""),
        ):
            sensor = status.get(key)
            if isinstance(sensor, dict) and sensor.get("is_valid") is not False:
                harvest.add(quantity, sensor.get(field), unit, pointer(key, field), where)
        return harvest.decoded()


def _plain(message: Message, quantity: str, unit: str, part: str) -> Decoded:
    harvest = Harvest()
    harvest.add(quantity, read_number(message.payload), unit, "", part)
    return harvest.decoded()
