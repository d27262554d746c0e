"""Shelly Gen2 and later: RPC notifications ``<prefix>/events/rpc`` and status topics ``<prefix>/status/<component>``.

https://shelly-api-docs.shelly.cloud/gen2/ComponentsAndServices/Mqtt and the component pages beside it.
Notifications are partial: what is absent is unchanged, not zero. Energy is counted in Wh.
"""

from collections.abc import Mapping

from collectors.mqtt.format import Decoded, Format, Harvest, Message, NoOptions, Table
from collectors.mqtt.payload import as_number, epoch_instant, pointer, read_object, read_text

_OUTLET: Table = {
    "apower": ("active_power", "W"),
    "voltage": ("voltage", "V"),
    "current": ("current", "A"),
    "freq": ("frequency", "Hz"),
    "pf": ("power_factor", "1"),
}
_COMPONENTS: Mapping[str, Table] = {
    "switch": _OUTLET,
    "pm1": _OUTLET,
    "cover": _OUTLET,
    "light": _OUTLET,
    "em": {
        "total_act_power": ("active_power", "W"),
        "a_act_power": ("active_power_l1", "W"),
        "b_act_power": ("active_power_l2", "W"),
        "c_act_power": ("active_power_l3", "W"),
        "total_aprt_power": ("apparent_power", "VA"),
        "a_voltage": ("voltage_l1", "V"),
        "b_voltage": ("voltage_l2", "V"),
        "c_voltage": ("voltage_l3", "V"),
        "a_current": ("current_l1", "A"),
        "b_current": ("current_l2", "A"),
        "c_current": ("current_l3", "A"),
        "n_current": ("current_n", "A"),
        "a_freq": ("frequency", "Hz"),
    },
    "emdata": {
        "total_act": ("active_energy_import", "Wh"),
        "total_act_ret": ("active_energy_export", "Wh"),
    },
    "em1": {
        "act_power": ("active_power", "W"),
        "aprt_power": ("apparent_power", "VA"),
        "voltage": ("voltage", "V"),
        "current": ("current", "A"),
        "freq": ("frequency", "Hz"),
        "pf": ("power_factor", "1"),
    },
    "em1data": {
        "total_act_energy": ("active_energy_import", "Wh"),
        "total_act_ret_energy": ("active_energy_export", "Wh"),
    },
    "temperature": {"tC": ("temperature", "°C")},
    "humidity": {"rh": ("humidity", "%")},
    "illuminance": {"lux": ("illuminance", "lx")},
}
_BATTERY: Table = {"percent": ("battery", "%"), "V": ("battery_voltage", "V")}
_PHASES: Mapping[str, Table] = {
    phase: {
        f"{letter}_total_act_energy": ("active_energy_import", "Wh"),
        f"{letter}_total_act_ret_energy": ("active_energy_export", "Wh"),
    }
    for letter, phase in (("a", "L1"), ("b", "L2"), ("c", "L3"))
}


class ShellyGen2(Format[NoOptions]):
    """Component 0 is the device as such; component ``N`` is part ``N``; the registers of a phase are part ``L1`` …"""

    name = "shelly_gen2"
    remembers = True

    def __init__(self, topic: str, options: NoOptions) -> None:
        super().__init__(topic, options)
        self._counting_returns: set[str] = set()

    @classmethod
    def recognise(cls, topic: str, payload: bytes) -> str | None:
        if topic.endswith("/events/rpc"):
            return topic.removesuffix("/events/rpc")
        head, _, component = topic.rpartition("/")
        if head.endswith("/status") and component.partition(":")[0] in {*_COMPONENTS, "devicepower"}:
            return head.removesuffix("/status")
        if component == "rpc" and b'"result"' in payload and b'"src"' in payload:
            return head
        online = component == "online" and payload in (b"true", b"false") and head.startswith("shelly")
        return head if online and not head.startswith("shellies/") else None

    def subscriptions(self) -> tuple[str, ...]:
        return (f"{self.topic}/events/rpc", f"{self.topic}/status/+", f"{self.topic}/online")

    def decode(self, message: Message) -> Decoded:
        if message.topic.endswith("/online"):
            offline = read_text(message.payload) == "false"
            return Decoded(offline="offline, says its last will" if offline else None)
        root = read_object(message.payload)
        if "/status/" in message.topic:
            harvest = Harvest()
            self._component(harvest, message.topic.rpartition("/")[2], root, "")
        else:
            key = "params" if "params" in root else "result"
            body = root.get(key)
            if not isinstance(body, dict):
                return Decoded()
            harvest = Harvest(epoch_instant(body.get("ts"), 1))
            for name, status in body.items():
                if isinstance(status, dict):
                    self._component(harvest, name, status, pointer(key, name))
        return harvest.decoded()

    def _component(self, harvest: Harvest, name: str, status: Mapping[str, object], source: str) -> None:
        kind, _, number = name.partition(":")
        part = "" if number in ("", "0") else number
        harvest.take(status, _COMPONENTS.get(kind, {}), source, part)
        if kind == "emdata":
            for phase, table in _PHASES.items():
                harvest.take(status, table, source, phase)
        elif kind == "devicepower":
            battery = status.get("battery")
            if isinstance(battery, dict):
                harvest.take(battery, _BATTERY, source + "/battery", part)
        self._outlet_energy(harvest, name, status, source, part)

    def _outlet_energy(self, harvest: Harvest, name: str, status: Mapping[str, object], source: str, part: str) -> None:
        """``aenergy`` counts both directions where the device has ``ret_aenergy``, so the import is the difference."""
        total, returned = _total(status, "aenergy"), _total(status, "ret_aenergy")
        if returned is not None:
            self._counting_returns.add(name)
            harvest.add("active_energy_export", returned, "Wh", source + "/ret_aenergy/total", part)
        if total is None or (returned is None and name in self._counting_returns):
            return
        imported, given = as_number(total), as_number(returned) if returned is not None else 0.0
        net = round(imported - given, 6) if imported is not None and given is not None else total
        harvest.add("active_energy_import", net, "Wh", source + "/aenergy/total", part)


def _total(status: Mapping[str, object], key: str) -> object:
    counter = status.get(key)
    return counter.get("total") if isinstance(counter, dict) else None
