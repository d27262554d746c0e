"""What people call the registers of a smart meter in their Tasmota scripts.

The keys of an SML object are chosen by the author of the script, so this reads conventions: German and English words,
phases, directions, unit suffixes. Whatever is ambiguous isn't guessed and needs ``keys`` in the device's options.
https://tasmota.github.io/docs/Smart-Meter-Interface/
"""

import re
from functools import lru_cache


def _words(*stems: str) -> re.Pattern[str]:
    """Matches any of the words; a stem that ends with ``*`` also matches what goes on."""
    alternatives = "|".join(stem[:-1] + "[a-z]*" if stem.endswith("*") else stem for stem in stems)
    return re.compile(rf"(?:^|_)(?:{alternatives})(?=_|$|\d)")


_NEVER = _words(
    "id", "nr", "no", "number", "num", "nummer", "serial", "server", "status", "version", "type", "typ",
    "angle", "winkel", "phi", "date", "time", "zeit", "min", "max", "avg", "mittel",
    "heute", "gestern", "tag", "woche", "monat", "jahr", "today", "yesterday", "day", "week", "month", "year",
    "ht", "nt", "reactive", "blind*", "apparent", "schein*", "cos*",
)  # fmt: skip
_PHASE = re.compile(r"(?:^|_)(?:l|p|phase_?)([123])(?=_|$)")
_TARIFF = re.compile(r"(?:^|_)(?:t|tarif_?|tariff_?)([12])(?=_|$)")
_FREQUENCY = _words("freq*", "hz")
_VOLTAGE = _words("volt*", "spannung*", "v", "u")
_POWER = _words("power*", "pwr*", "watt*", "leistung*", "wirkleistung*", "w", "kw", "p", "tpwrcurr*")
_NOW = _words("curr*", "cur", "now", "aktuell*", "momentan*", "actual*", "act")
_CURRENT = _words("amp*", "strom*", "current*", "curr", "a", "i")
_ENERGY = _words(
    "total*", "energy*", "energie*", "e", "verbrauch*", "bezug*", "einspeisung*", "lieferung*", "zaehlerstand*",
    "consumption*", "import*", "export*", "wh", "kwh", "tpwrin", "tpwrout",
)  # fmt: skip
_EXPORT = _words("out", "einspeis*", "liefer*", "export*", "exp", "feed*", "tpwrout")
_UNIT = re.compile(r"(?:^|_)(wh|kwh|mwh|w|kw)$")
_SPELLING = {"wh": "Wh", "kwh": "kWh", "mwh": "MWh", "w": "W", "kw": "kW"}
_BARE_PHASE = re.compile(r"l[123]")


@lru_cache(maxsize=4096)
def guess(key: str) -> tuple[str, str] | None:
    """Quantity and unit that a key means by convention, None if it means none or several."""
    name = re.sub(r"[^a-z0-9]+", "_", key.lower().replace("ä", "ae").replace("ö", "oe").replace("ü", "ue")).strip("_")
    if _NEVER.search(name):
        return None
    phase = _PHASE.search(name)
    suffix = f"_l{phase[1]}" if phase else ""
    unit = _UNIT.search(name)
    power, energy = _is_power(name, unit), _is_energy(name, unit)
    meanings = {
        ("frequency", "Hz"): _FREQUENCY.search(name) is not None,
        (f"voltage{suffix}", "V"): _VOLTAGE.search(name) is not None,
        (f"active_power{suffix}", _SPELLING[unit[1]] if unit else "W"): power,
        (_energy(name, suffix), _SPELLING[unit[1]] if unit else "kWh"): energy,
        (f"current{suffix}", "A"): not power and not energy and _CURRENT.search(name) is not None,
    }
    likely = [meaning for meaning, is_likely in meanings.items() if is_likely]
    return likely[0] if len(likely) == 1 and likely[0][0] else None


def _is_power(name: str, unit: re.Match[str] | None) -> bool:
    if unit is not None:
        return unit[1] in ("w", "kw")
    wanted = _POWER.search(name) is not None or _BARE_PHASE.fullmatch(name) is not None
    return wanted or (_NOW.search(name) is not None and _words("verbrauch*", "consumption*").search(name) is not None)


def _is_energy(name: str, unit: re.Match[str] | None) -> bool:
    if unit is not None:
        return unit[1].endswith("wh")
    return _ENERGY.search(name) is not None and _NOW.search(name) is None


def _energy(name: str, phase: str) -> str:
    """The register's quantity; "" for those that Leitwarte has none for."""
    tariff = _TARIFF.search(name)
    if _EXPORT.search(name):
        return "" if phase or tariff else "active_energy_export"
    return "" if phase else f"active_energy_import{f'_t{tariff[1]}' if tariff else ''}"
