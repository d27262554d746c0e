"""Tasmota: ``tele/<topic>/SENSOR`` every telemetry period, ``stat/<topic>/STATUS8`` and ``STATUS10`` on request,
and ``tele/<topic>/RESULT`` where a serial bridge passes on what a meter says in text.

https://tasmota.github.io/docs/MQTT/ — one message shows all sensors of the device; units stand beside the values.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator

from collectors.mqtt.format import Decoded, Format, Harvest, Message, Table
from collectors.mqtt.formats._obis_text import lines
from collectors.mqtt.formats._sml_names import guess
from collectors.mqtt.meaning import Meaning
from collectors.mqtt.payload import (
    DecodeError,
    as_number,
    at_pointer,
    epoch_instant,
    iso_instant,
    local_instant,
    pointer,
    read_object,
    read_text,
    text_number,
)
from metering.strict import Strict

_ENERGY: Table = {
    "Total": ("active_energy_import", "kWh"),
    "ExportActive": ("active_energy_export", "kWh"),
    "Power": ("active_power", "W"),
    "ApparentPower": ("apparent_power", "VA"),
    "ReactivePower": ("reactive_power", "var"),
    "Factor": ("power_factor", "1"),
    "Frequency": ("frequency", "Hz"),
    "Voltage": ("voltage", "V"),
    "Current": ("current", "A"),
}
_BY_PHASE = {"active_power", "voltage", "current"}
_SENSOR: Table = {
    "Humidity": ("humidity", "%"),
    "CarbonDioxide": ("co2", "ppm"),
    "Illuminance": ("illuminance", "lx"),
    "Battery": ("battery", "%"),
    "BatteryPercentage": ("battery", "%"),
}
_TELEINFO: Table = {  # the French meter's customer interface, as Tasmota's teleinfo driver shows it
    "W": ("active_power", "W"),
    "P": ("apparent_power", "VA"),
    "I": ("current", "A"),
    "U": ("voltage", "V"),
    **{f"W{n}": (f"active_power_l{n}", "W") for n in (1, 2, 3)},
    **{f"I{n}": (f"current_l{n}", "A") for n in (1, 2, 3)},
    **{f"U{n}": (f"voltage_l{n}", "V") for n in (1, 2, 3)},
}
_TEMPERATURES: Mapping[str, str] = {"Temperature": "temperature", "DewPoint": "dew_point"}
_OWN_TEMPERATURE = {"ESP32"}  # of the chip, not of the room
_SUFFIXES = ("SENSOR", "STATUS8", "STATUS10")


class Options(Strict):
    full_topic: str = Field(default="%prefix%/%topic%/", pattern="%prefix%")
    """Tasmota's FullTopic, if it has been changed."""
    timezone: str | None = None
    """Time zone of ``Time`` where it has no offset, such as Europe/Berlin; without it the moment of receipt counts."""
    keys: dict[Annotated[str, Field(pattern="^/")], Meaning] = Field(default_factory=dict)
    """JSON Pointers of the meter's registers, e.g. /SML/Total_in. If given, no other register of a meter is read."""

    @field_validator("timezone")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        if name is not None:
            try:
                ZoneInfo(name)
            except (KeyError, ValueError, OSError):
                raise ValueError(f"unknown time zone {name!r}; use a name such as Europe/Berlin") from None
        return name


class Tasmota(Format[Options]):
    """Every sensor object is a part named like it; the channels of a plug with two outlets are ``ch1`` and ``ch2``."""

    name = "tasmota"
    Options = Options
    whole = True

    @classmethod
    def recognise(cls, topic: str, payload: bytes) -> str | None:
        *levels, last = topic.split("/")
        is_serial = last == "RESULT" and b'"SerialReceived"' in payload
        if last not in (*_SUFFIXES, "LWT") and not is_serial:
            return None
        rest = [level for level in levels if level not in ("tele", "stat")]
        return "/".join(rest) if rest and len(rest) < len(levels) else None

    def subscriptions(self) -> tuple[str, ...]:
        tele, stat = self._base("tele"), self._base("stat")
        return (f"{tele}SENSOR", f"{stat}STATUS8", f"{stat}STATUS10", f"{tele}LWT", f"{tele}RESULT")

    def _base(self, prefix: str) -> str:
        full = self.options.full_topic.replace("%prefix%", prefix).replace("%topic%", self.topic)
        return full if full.endswith("/") else full + "/"

    def decode(self, message: Message) -> Decoded:
        if message.topic.endswith("/LWT"):
            offline = read_text(message.payload) == "Offline"
            return Decoded(offline="offline, says its last will" if offline else None)
        root, source = read_object(message.payload), ""
        if message.topic.endswith("/RESULT"):
            return _serial(root.get("SerialReceived"))
        if "StatusSNS" in root:
            inner = root["StatusSNS"]
            if not isinstance(inner, dict):
                raise DecodeError("StatusSNS is not an object")
            root, source = inner, "/StatusSNS"
        harvest = Harvest(self._time(root))
        units = Units(root)
        for name, item, path in _objects(root, source):
            if name == "ENERGY":
                _energy(harvest, item, path)
            else:
                self._sensor(harvest, item, path, name, units)
        for path, key in self.options.keys.items():
            harvest.add(key.quantity, key.scaled(at_pointer(root, path)), key.unit, source + path, path.split("/")[1])
        return harvest.decoded()

    def _time(self, root: Mapping[str, object]) -> int | None:
        if "Epoch" in root:
            return epoch_instant(root["Epoch"], 1)
        time = root.get("Time")
        zone = self.options.timezone
        instant = iso_instant(time)
        return local_instant(time, zone) if instant is None and zone is not None else instant

    def _sensor(self, harvest: Harvest, item: Mapping[str, object], path: str, name: str, units: "Units") -> None:
        harvest.take(item, _SENSOR, path, name)
        if name not in _OWN_TEMPERATURE:
            for key, wanted in _TEMPERATURES.items():
                if key in item:
                    harvest.add(wanted, item[key], units.temperature, path + pointer(key), name)
        if "Pressure" in item:
            harvest.add("pressure", item["Pressure"], units.pressure, path + pointer("Pressure"), name)
        if name == "METER" and item.keys() & {"W", "W1"}:
            harvest.take(item, _TELEINFO, path, name)
        elif not self.options.keys:
            _registers(harvest, item, path, name)


def _serial(received: object) -> Decoded:
    """What a meter says in text, passed on by a serial bridge; anything else there is the answer to a command."""
    harvest = Harvest()
    for quantity, digits, unit in lines(received) if isinstance(received, str) else ():
        harvest.add(quantity, text_number(digits), unit, "/SerialReceived")
    return harvest.decoded()


class Units:
    """Units are said once for the whole message."""

    def __init__(self, root: Mapping[str, object]) -> None:
        self.temperature = self._said(root, "TempUnit", {"C": "°C", "F": "°F", "K": "K"}, "C")
        self.pressure = self._said(root, "PressureUnit", {"hPa": "hPa", "mmHg": "mmHg", "inHg": "inHg"}, "hPa")

    @staticmethod
    def _said(root: Mapping[str, object], key: str, known: Mapping[str, str], default: str) -> str:
        unit = root.get(key, default)
        try:
            return known[str(unit)]
        except KeyError:
            raise DecodeError(f"{key} {str(unit)[:20]!r} is not one of {', '.join(known)}") from None


def _objects(root: Mapping[str, object], source: str) -> Iterator[tuple[str, Mapping[str, object], str]]:
    """The sensor objects; those heard over Zigbee stand one level deeper."""
    for name, item in root.items():
        if isinstance(item, dict):
            path = source + pointer(name)
            if name in ("ZbReceived", "ZbInfo"):
                yield from _objects(item, path)
            else:
                yield name, item, path


def _energy(harvest: Harvest, item: Mapping[str, object], path: str) -> None:
    """A value for each outlet or phase comes as an array: three are taken as phases, any other number as channels."""
    for key, (name, unit) in _ENERGY.items():
        raw, source = item.get(key), path + pointer(key)
        if not isinstance(raw, list):
            harvest.add(name, raw, unit, source)
        elif len(raw) == 1:
            harvest.add(name, raw[0], unit, f"{source}/0")
        elif len(raw) == 3 and name in _BY_PHASE:
            for number, element in enumerate(raw, start=1):
                harvest.add(f"{name}_l{number}", element, unit, f"{source}/{number - 1}")
        else:
            for number, element in enumerate(raw, start=1):
                harvest.add(name, element, unit, f"{source}/{number - 1}", f"ch{number}")


def _registers(harvest: Harvest, item: Mapping[str, object], path: str, part: str) -> None:
    """A smart meter's registers: an object that has at least one energy or power key among its numbers."""
    found = {key: meaning for key, raw in item.items() if as_number(raw) is not None and (meaning := guess(key))}
    if any(name.startswith(("active_energy", "active_power")) for name, _ in found.values()):
        harvest.take(item, found, path, part)
