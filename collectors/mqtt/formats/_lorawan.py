"""What LoRaWAN payload decoders call their values. The keys are chosen by whoever wrote the decoder.

This reads the names that Milesight, Elsys, Dragino and Cayenne LPP use in one unit only. A name that has different
units from one maker to the next (``water``, ``current``, ``luminosity``) needs ``keys`` in the device's options.
"""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from collectors.mqtt.format import Harvest, Table
from collectors.mqtt.meaning import Meaning
from collectors.mqtt.payload import as_number, at_pointer
from metering.strict import Strict

_KEYS: Table = {
    "temperature": ("temperature", "°C"),
    "temperature_1": ("temperature", "°C"),
    "TempC1": ("temperature", "°C"),
    "TempC_SHT": ("temperature", "°C"),
    "humidity": ("humidity", "%"),
    "relative_humidity": ("humidity", "%"),
    "relative_humidity_2": ("humidity", "%"),
    "Hum_SHT": ("humidity", "%"),
    "co2": ("co2", "ppm"),
    "barometric_pressure": ("pressure", "hPa"),
    "illuminance": ("illuminance", "lx"),
    "illumination": ("illuminance", "lx"),
    "ILL_lx": ("illuminance", "lx"),
    "BatV": ("battery_voltage", "V"),
    "vdd": ("battery_voltage", "mV"),
}
_EXTERNAL: Table = {"TempC_DS": ("temperature", "°C"), "externalTemperature": ("temperature", "°C")}
_NOT_CONNECTED = 327.67  # 0x7FFF hundredths: Dragino's probe without a probe
_HIGHEST_VOLTAGE = 5.0  # ``battery`` is a voltage at some makers and a percentage at others


class Options(Strict):
    keys: dict[Annotated[str, Field(pattern="^/")], Meaning] = Field(default_factory=dict)
    """JSON Pointers in what the decoder says, e.g. /water. If given, nothing else of it is read."""


def take(harvest: Harvest, item: Mapping[str, object], source: str, options: Options) -> None:
    """Add what a payload decoder says; a probe on a cable is the part ``external``. ``source`` is the pointer of it."""
    if options.keys:
        for path, key in options.keys.items():
            harvest.add(key.quantity, key.scaled(at_pointer(item, path)), key.unit, source + path)
        return
    harvest.take(item, _KEYS, source)
    connected = {key: raw for key, raw in item.items() if raw != _NOT_CONNECTED}
    harvest.take(connected, _EXTERNAL, source, "external")
    if "pressure" in item and "humidity" in item:  # the air's, not a pipe's
        harvest.add("pressure", item["pressure"], "hPa", source + "/pressure")
    battery = as_number(item.get("battery"))
    if battery is not None and _HIGHEST_VOLTAGE < battery <= 100.0:
        harvest.add("battery", battery, "%", source + "/battery")
