"""wmbusmeters: wireless M-Bus telegrams as flat JSON; the unit is the end of the key.

https://github.com/wmbusmeters/wmbusmeters — key names differ between its drivers, so these are patterns. Values at a
key date, of a former period, maxima and minima are not the present reading and match none of them.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from collectors.mqtt.format import Decoded, Format, Harvest, Message, NoOptions
from collectors.mqtt.payload import as_number, iso_instant, pointer, read_object, text_number

_UNITS = {
    "wh": "Wh", "kwh": "kWh", "mwh": "MWh", "mj": "MJ", "gj": "GJ", "w": "W", "kw": "kW", "m3": "m³", "l": "l",
    "m3h": "m³/h", "lh": "l/h", "c": "°C", "v": "V", "a": "A", "hz": "Hz", "rh": "%", "ppm": "ppm", "kvarh": "kvarh",
}  # fmt: skip
_ENERGY, _POWER = "wh|kwh|mwh|mj|gj", "w|kw"


class Rule(NamedTuple):
    """Keys that mean ``quantity``: the whole key must match, and its group 1 is the unit."""

    pattern: re.Pattern[str]
    quantity: str
    part: str = ""


def _rule(pattern: str, quantity: str, part: str = "") -> Rule:
    return Rule(re.compile(pattern), quantity, part)


_ELECTRICITY = (
    _rule(rf"(?:total|total_energy|total_energy_consumption)_({_ENERGY})", "active_energy_import"),
    _rule(rf"total_energy_consumption_tariff_?1_({_ENERGY})", "active_energy_import_t1"),
    _rule(rf"total_energy_consumption_tariff_?2_({_ENERGY})", "active_energy_import_t2"),
    _rule(rf"total_energy_production_({_ENERGY})", "active_energy_export"),
    _rule(rf"total_energy_production_tariff_?1_({_ENERGY})", "active_energy_export", "T1"),
    _rule(rf"total_energy_production_tariff_?2_({_ENERGY})", "active_energy_export", "T2"),
    _rule(rf"(?:current_power_consumption|power_consumption)_({_POWER})", "active_power_import"),
    _rule(rf"(?:current_power_production|power_production)_({_POWER})", "active_power_export"),
    _rule(rf"(?:power|current|current_power)_({_POWER})", "active_power"),
    *(
        _rule(rf"(?:current_)?power(?:_consumption)?(?:_at)?_(?:phase_?|l){n}_({_POWER})", f"active_power_l{n}")
        for n in (1, 2, 3)
    ),
    *(_rule(rf"voltage(?:_at)?_(?:phase_?|l){n}_(v)", f"voltage_l{n}") for n in (1, 2, 3)),
    *(_rule(rf"current(?:_at)?_(?:phase_?|l){n}_(a)", f"current_l{n}") for n in (1, 2, 3)),
    _rule(r"voltage_(v)", "voltage"),
    _rule(r"(?:frequency|raw_frequency)_(hz)", "frequency"),
)


def _thermal(energy: str) -> tuple[Rule, ...]:
    """Water that goes round is no consumption: its volume is the part ``circuit``."""
    kind = energy.removesuffix("_energy")
    return (
        _rule(rf"(?:total|{kind}|energy|{kind}_energy|total_energy|total_energy_consumption)_({_ENERGY})", energy),
        _rule(rf"(?:power|current|current_power|current_power_consumption)_({_POWER})", "heat_power"),
        _rule(r"(?:total|volume|total_volume)_(m3|l)", "water_volume", "circuit"),
        _rule(r"(?:flow|volume_flow)_(m3h|lh)", "volume_flow"),
        _rule(
            r"(?:t1_temperature|flow_temperature|flow|forward_temperature|supply_temperature)_(c)", "flow_temperature"
        ),
        _rule(r"(?:t2_temperature|return_temperature|return)_(c)", "return_temperature"),
    )


def _volume(quantity: str) -> tuple[Rule, ...]:
    return (
        _rule(r"(?:total|volume|total_volume|total_consumption|total_water_consumption)_(m3|l)", quantity),
        _rule(r"(?:flow|volume_flow)_(m3h|lh)", "volume_flow"),
        _rule(r"flow_temperature(?:_(c))?", "flow_temperature"),
        _rule(r"external_temperature(?:_(c))?", "temperature", "external"),
    )


_ROOM = (
    _rule(r"(?:current_)?temperature_(c)", "temperature"),
    _rule(r"(?:current_)?relative_humidity_(rh)", "humidity"),
    _rule(r"co2_(ppm)", "co2"),
)
_MEDIA: Mapping[str, tuple[Rule, ...]] = {
    "electricity": _ELECTRICITY,
    "heat": _thermal("heat_energy"),
    "cooling": _thermal("cooling_energy"),
    "gas": _volume("gas_volume"),
    "warm water": _volume("hot_water_volume"),
    "hot water": _volume("hot_water_volume"),
    "water": _volume("water_volume"),
    "room sensor": _ROOM,
}
_INVALID = {-2147483648.0, 2147483647.0}  # a 32-bit field that the meter left unset
_LONGEST_KEY = 64  # characters; no rule matches half of it
_DRY_TEMPERATURE = 127.0  # largest signed byte: seen where a water meter says that it is dry


class WmBusMeters(Format[NoOptions]):
    name = "wmbusmeters"

    @classmethod
    def recognise(cls, topic: str, payload: bytes) -> str | None:
        is_telegram = all(key in payload for key in (b'"media"', b'"meter"', b'"id"', b'"timestamp"'))
        return topic if is_telegram else None

    def subscriptions(self) -> tuple[str, ...]:
        return (self.topic,)

    def decode(self, message: Message) -> Decoded:
        telegram = read_object(message.payload)
        harvest = Harvest(iso_instant(telegram.get("timestamp")))
        dry = "DRY" in str(telegram.get("status")) or "DRY" in str(telegram.get("current_status"))
        medium = _medium(telegram.get("media"))
        for key, raw in telegram.items():
            number = (
                text_number(raw) if isinstance(raw, str) else as_number(raw)
            )  # older versions write numbers as texts
            if number in _INVALID or (dry and number == _DRY_TEMPERATURE and "temperature" in key):
                continue
            meaning = _meaning(medium, key) if len(key) <= _LONGEST_KEY else None
            if meaning is not None:
                quantity, unit, part = meaning
                harvest.add(quantity, raw if number is None else number, unit, pointer(key), part)
        return harvest.decoded()


def _medium(media: object) -> str | None:
    """The first known medium that the telegram's text contains, such as ``heat volume at inlet``."""
    text = str(media).lower()
    return next((medium for medium in _MEDIA if medium in text), None)


@lru_cache(maxsize=4096)
def _meaning(medium: str | None, key: str) -> tuple[str, str, str] | None:
    """Quantity, unit and part of a field; None for one that is not read."""
    for rule in _MEDIA.get(medium or "", ()):
        found = rule.pattern.fullmatch(key)
        if found is not None:
            return rule.quantity, _UNITS[found[1] or "c"], rule.part
    return None
