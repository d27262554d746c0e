"""Zigbee2MQTT: ``<base>/<friendly name>`` with one flat JSON object; friendly names may contain slashes and spaces.

https://www.zigbee2mqtt.io/guide/usage/mqtt_topics_and_messages.html
"""

from collectors.mqtt.format import Decoded, Format, Harvest, Message, Table
from collectors.mqtt.payload import (
    DecodeError,
    as_number,
    epoch_instant,
    iso_instant,
    read_object,
    read_text,
    text_number,
)
from metering.strict import Strict

_KEYS: Table = {
    "temperature": ("temperature", "°C"),
    "humidity": ("humidity", "%"),
    "pressure": ("pressure", "hPa"),
    "co2": ("co2", "ppm"),
    "illuminance": ("illuminance", "lx"),
    "illuminance_lux": ("illuminance", "lx"),
    "battery": ("battery", "%"),
    "power": ("active_power", "W"),
    "power_phase_a": ("active_power_l1", "W"),
    "power_phase_b": ("active_power_l2", "W"),
    "power_phase_c": ("active_power_l3", "W"),
    "power_apparent": ("apparent_power", "VA"),
    "power_reactive": ("reactive_power", "var"),
    "power_factor": ("power_factor", "1"),
    "current": ("current", "A"),
    "current_phase_a": ("current_l1", "A"),
    "current_phase_b": ("current_l2", "A"),
    "current_phase_c": ("current_l3", "A"),
    "current_neutral": ("current_n", "A"),
    "voltage_phase_a": ("voltage_l1", "V"),
    "voltage_phase_b": ("voltage_l2", "V"),
    "voltage_phase_c": ("voltage_l3", "V"),
    "ac_frequency": ("frequency", "Hz"),
    "energy": ("active_energy_import", "kWh"),
    "produced_energy": ("active_energy_export", "kWh"),
}
_MAINS_KEYS = {"power", "current", "energy"}
_BATTERY_MILLIVOLTS_FROM = 1000.0  # no mains voltage at an outlet is that high, no battery cell below it reports mV


class Options(Strict):
    attributes: bool = False
    """Set if Zigbee2MQTT's own ``output`` is ``attribute`` or ``attribute_and_json``: a topic for each key."""


class Zigbee2Mqtt(Format[Options]):
    name = "zigbee2mqtt"
    Options = Options

    @classmethod
    def recognise(cls, topic: str, payload: bytes) -> str | None:  # noqa: ARG003
        base, _, device = topic.partition("/")
        if base != "zigbee2mqtt" or not device:
            return None
        head, _, last = topic.rpartition("/")
        is_part = last == "availability" or (last in {*_KEYS, "voltage"} and head != base)
        return head if is_part else topic

    def subscriptions(self) -> tuple[str, ...]:
        base = self.topic.partition("/")[0]
        attributes = (f"{self.topic}/+",) if self.options.attributes else (f"{self.topic}/availability",)
        return (self.topic, *attributes, f"{base}/bridge/state")

    def decode(self, message: Message) -> Decoded:
        key = message.topic.removeprefix(self.topic).removeprefix("/")
        if message.topic.endswith("/bridge/state"):
            return _availability(message.payload, "Zigbee2MQTT is offline")
        if key == "availability":
            return _availability(message.payload, "offline, says Zigbee2MQTT")
        return _attribute(key, message.payload) if key else _state(message.payload)


def _state(payload: bytes) -> Decoded:
    state = read_object(payload)
    last_seen = state.get("last_seen")
    time_us = iso_instant(last_seen)
    harvest = Harvest(epoch_instant(last_seen, 1000) if time_us is None else time_us)
    harvest.take(state, _KEYS, "")
    if "voltage" in state:
        harvest.add(*_voltage(state), "/voltage")
    return harvest.decoded()


def _voltage(state: dict[str, object]) -> tuple[str, object, str]:
    """One key for two things: the mains in V at plugs and meters, the battery in mV at sensors."""
    raw = state["voltage"]
    number = as_number(raw)
    millivolts = number is not None and number >= _BATTERY_MILLIVOLTS_FROM
    if "battery" in state or (millivolts and not _MAINS_KEYS & state.keys()):
        return "battery_voltage", raw, "mV"
    return "voltage", raw, "V"


def _attribute(key: str, payload: bytes) -> Decoded:
    """A topic for one key. ``voltage`` is left out there, since nothing beside it tells mains from battery."""
    if key not in _KEYS:
        return Decoded()
    text = read_text(payload)
    number = text_number(text)
    if number is None and text not in ("", "null"):
        raise DecodeError(f"{text[:40]!r} is not a number")
    harvest = Harvest()
    harvest.add(_KEYS[key][0], number, _KEYS[key][1], "")
    return harvest.decoded()


def _availability(payload: bytes, reason: str) -> Decoded:
    """``{"state":"offline"}``, or the bare word from version 1."""
    text = read_text(payload)
    state = read_object(payload).get("state") if text.startswith("{") else text
    return Decoded(offline=reason if state == "offline" else None)
