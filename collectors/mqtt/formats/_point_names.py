"""What a point means by its name and unit, as in ``Meter/P_total`` in W: German and English words of the trade.

For formats that carry names, and units at best (Sparkplug B, Homie). The unit says what kind of quantity it is, the
words say which; whatever is ambiguous isn't guessed and needs the device's options.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from metering.units import canonical_unit

_NEVER = {
    "min", "max", "avg", "mean", "mittel", "set", "setpoint", "soll", "sollwert", "target", "ziel", "limit", "alarm",
    "grenzwert", "threshold", "rate", "nominal", "rated", "config", "delta", "diff", "today", "yesterday", "heute",
    "gestern", "day", "week", "month", "year", "tag", "woche", "monat", "jahr", "previous", "last",
}  # fmt: skip
_HEAT = {"heat", "waerme", "heating", "heizung", "thermal", "thermisch"}
_COLD = {"cool", "cooling", "cold", "kaelte", "kuehlung"}
_EXPORT = {"export", "exp", "out", "einspeisung", "lieferung", "feed", "feedin", "returned"}
_MADE = {"pv", "solar", "generation", "erzeugung", "yield", "ertrag", "chp", "bhkw"}
_DC = {"dc"}
_BATTERY = {"battery", "batterie", "akku", "bat", "batt"}
_HOT = {"hot", "warm", "warmwasser"}
_WATER = {"water", "wasser", "kaltwasser", "trinkwasser"}
_FLOW = {"flow", "vorlauf", "supply", "vl"}
_RETURN = {"return", "ruecklauf", "rl"}
_OUTDOOR = {"outdoor", "outside", "aussen", "aussentemperatur", "ambient"}
_UNCLEAR = re.compile("pump|gas")  # a heat pump takes electricity and gives heat; gas is billed in kWh, too
_PHASES = {"l1", "l2", "l3"}

_USUAL_UNITS = (
    ({"voltage", "spannung"}, "V"),
    ({"frequency", "frequenz", "netzfrequenz"}, "Hz"),
    ({"temperature", "temperatur", "aussentemperatur"}, "°C"),
    ({"humidity", "feuchte", "luftfeuchte"}, "%"),
    ({"co2"}, "ppm"),
)
"""Units that go without saying; for power and energy they don't (W or kW, Wh or kWh)."""
_BOUNDARY = re.compile(r"[^a-z0-9]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z][a-z])")


@lru_cache(maxsize=4096)
def meaning(name: str, unit: str | None) -> tuple[str, str] | None:
    """Quantity and unit, None if the name means none by convention; ``unit`` is None where the point has none."""
    words = _words(name)
    if words & _NEVER:
        return None
    said = unit if unit is not None else next((usual for some, usual in _USUAL_UNITS if words & some), None)
    if said is None:
        return None
    try:
        canonical = canonical_unit(said)
    except LookupError:
        return None
    quantity = _OF_UNIT[canonical](words) if canonical in _OF_UNIT else None
    return None if quantity is None else (quantity, said)


def _words(name: str) -> frozenset[str]:
    plain = _CAMEL.sub("_", name).lower().replace("ä", "ae").replace("ö", "oe").replace("ü", "ue").replace("ß", "ss")
    return frozenset(_BOUNDARY.split(plain))


def _voltage(words: frozenset[str]) -> str | None:
    if words & _BATTERY:
        return "battery_voltage"
    return "dc_voltage" if words & _DC else _by_phase("voltage", words)


def _current(words: frozenset[str]) -> str | None:
    if words & {"n", "neutral"}:
        return "current_n"
    return "dc_current" if words & _DC else _by_phase("current", words)


def _by_phase(quantity: str, words: frozenset[str]) -> str | None:
    """None for what is between two phases."""
    phases = words & _PHASES
    return quantity if not phases else f"{quantity}_{min(phases)}" if len(phases) == 1 else None


def _speaks_of(words: frozenset[str], stems: set[str]) -> bool:
    """Whether one of the words is, or as German compounds do begins with, one of the stems."""
    return any(word in stems or word.startswith(tuple(stem for stem in stems if len(stem) > 3)) for word in words)


def _power(words: frozenset[str]) -> str | None:
    if any(_UNCLEAR.search(word) for word in words):
        return None
    if _speaks_of(words, _HEAT | _COLD):
        return "heat_power" if _speaks_of(words, _HEAT) else None
    if words & _DC:
        return "dc_power"
    if words & _MADE:
        return "active_power_generation"
    if words & _EXPORT:
        return None if words & _PHASES else "active_power_export"
    return _by_phase("active_power", words)


def _energy(words: frozenset[str]) -> str | None:
    if words & _PHASES or any(_UNCLEAR.search(word) for word in words):
        return None
    tariff = words & {"t1", "t2"}
    for some, quantity in (
        (_HEAT, "heat_energy"),
        (_COLD, "cooling_energy"),
        (_MADE, "active_energy_generation"),
        (_EXPORT, "active_energy_export"),
    ):
        if _speaks_of(words, some):
            return None if tariff else quantity
    return f"active_energy_import_{min(tariff)}" if len(tariff) == 1 else "active_energy_import" if not tariff else None


def _share(words: frozenset[str]) -> str | None:
    if words & {"humidity", "rh", "feuchte", "luftfeuchte"}:
        return "humidity"
    return "battery" if words & _BATTERY else None


def _volume(words: frozenset[str]) -> str | None:
    if "gas" in words:
        return "gas_volume"
    if "warmwasser" in words or (words & _HOT and words & _WATER):
        return "hot_water_volume"
    return "water_volume" if words & _WATER else None


def _temperature(words: frozenset[str]) -> str | None:
    if "dew" in words or "taupunkt" in words:
        return "dew_point"
    ways = [
        quantity for some, quantity in ((_FLOW, "flow_temperature"), (_RETURN, "return_temperature")) if words & some
    ]
    if ways:
        return ways[0] if len(ways) == 1 else None
    return "outdoor_temperature" if words & _OUTDOOR else "temperature"


def _pressure(words: frozenset[str]) -> str | None:
    """Of the air; pipes and boilers have one, too."""
    return "pressure" if words & {"air", "luft", "luftdruck", "barometric", "barometer", "atmospheric"} else None


def _ratio(words: frozenset[str]) -> str | None:
    return "power_factor" if words & {"pf", "cos", "cosphi"} or {"power", "factor"} <= words else None


_OF_UNIT: Mapping[str, Callable[[frozenset[str]], str | None]] = {
    "W": _power,
    "VA": lambda _: "apparent_power",
    "var": lambda _: "reactive_power",
    "kWh": _energy,
    "kvarh": lambda words: f"reactive_energy_{'export' if words & _EXPORT else 'import'}",
    "V": _voltage,
    "A": _current,
    "Hz": lambda _: "frequency",
    "m³": _volume,
    "m³/h": lambda _: "volume_flow",
    "°C": _temperature,
    "%": _share,
    "hPa": _pressure,
    "ppm": lambda words: "co2" if "co2" in words else None,
    "lx": lambda _: "illuminance",
    "W/m²": lambda _: "irradiance",
    "1": _ratio,
}
