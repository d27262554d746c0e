"""Units as devices write them, converted to the canonical ones of `metering.quantities`.

Factors are exact: 1 kWh = 3.6 MJ (ISO 80000-5), 1 cal is not used. Temperatures convert with an offset.
To add a unit, add it to ``_TO_CANONICAL``; to add another spelling of one, to ``_SPELLINGS``: those of UCUM (LoRaWAN,
SenML), of the plain words that Sparkplug gateways and line protocol carry, and of typists without a superscript.
"""

from fractions import Fraction

_F = Fraction

_TO_CANONICAL: dict[str, tuple[str, Fraction, Fraction]] = {
    # spelling: (canonical unit, factor, offset); canonical = value * factor + offset
    "mW": ("W", _F(1, 1000), _F(0)),
    "W": ("W", _F(1), _F(0)),
    "kW": ("W", _F(1000), _F(0)),
    "MW": ("W", _F(10**6), _F(0)),
    "VA": ("VA", _F(1), _F(0)),
    "kVA": ("VA", _F(1000), _F(0)),
    "var": ("var", _F(1), _F(0)),
    "kvar": ("var", _F(1000), _F(0)),
    "mWh": ("kWh", _F(1, 10**6), _F(0)),
    "Wmin": ("kWh", _F(1, 60_000), _F(0)),  # Shelly Gen1 counts watt-minutes
    "Wh": ("kWh", _F(1, 1000), _F(0)),
    "kWh": ("kWh", _F(1), _F(0)),
    "MWh": ("kWh", _F(1000), _F(0)),
    "GWh": ("kWh", _F(10**6), _F(0)),
    "J": ("kWh", _F(1, 3_600_000), _F(0)),
    "kJ": ("kWh", _F(1, 3600), _F(0)),
    "MJ": ("kWh", _F(10, 36), _F(0)),
    "GJ": ("kWh", _F(10_000, 36), _F(0)),
    "varh": ("kvarh", _F(1, 1000), _F(0)),
    "kvarh": ("kvarh", _F(1), _F(0)),
    "mV": ("V", _F(1, 1000), _F(0)),
    "V": ("V", _F(1), _F(0)),
    "kV": ("V", _F(1000), _F(0)),
    "mA": ("A", _F(1, 1000), _F(0)),
    "A": ("A", _F(1), _F(0)),
    "kA": ("A", _F(1000), _F(0)),
    "Hz": ("Hz", _F(1), _F(0)),
    "mHz": ("Hz", _F(1, 1000), _F(0)),
    "l": ("m³", _F(1, 1000), _F(0)),
    "L": ("m³", _F(1, 1000), _F(0)),
    "m3": ("m³", _F(1), _F(0)),
    "m³": ("m³", _F(1), _F(0)),
    "l/h": ("m³/h", _F(1, 1000), _F(0)),
    "L/h": ("m³/h", _F(1, 1000), _F(0)),
    "l/min": ("m³/h", _F(6, 100), _F(0)),
    "l/s": ("m³/h", _F(36, 10), _F(0)),
    "m3/h": ("m³/h", _F(1), _F(0)),
    "m³/h": ("m³/h", _F(1), _F(0)),
    "m3/s": ("m³/h", _F(3600), _F(0)),
    "m³/s": ("m³/h", _F(3600), _F(0)),
    "C": ("°C", _F(1), _F(0)),
    "°C": ("°C", _F(1), _F(0)),
    "F": ("°C", _F(5, 9), _F(-160, 9)),
    "°F": ("°C", _F(5, 9), _F(-160, 9)),
    "K": ("°C", _F(1), _F(-27315, 100)),
    "Pa": ("hPa", _F(1, 100), _F(0)),
    "hPa": ("hPa", _F(1), _F(0)),
    "mbar": ("hPa", _F(1), _F(0)),
    "kPa": ("hPa", _F(10), _F(0)),
    "bar": ("hPa", _F(1000), _F(0)),
    "mmHg": ("hPa", _F(133_322_387_415, 10**11), _F(0)),  # conventional: 13,595.1 kg/m³ · 9.80665 m/s² · 1 mm
    "inHg": ("hPa", _F(133_322_387_415 * 254, 10**12), _F(0)),  # 25.4 mmHg
    "%": ("%", _F(1), _F(0)),
    "ppm": ("ppm", _F(1), _F(0)),
    "lx": ("lx", _F(1), _F(0)),
    "W/m²": ("W/m²", _F(1), _F(0)),
    "s": ("s", _F(1), _F(0)),
    "1": ("1", _F(1), _F(0)),
}

_SPELLINGS: dict[str, tuple[str, ...]] = {
    # unit above: its other spellings
    "W": ("watt", "watts", "Watt", "Watts"),
    "kW": ("KW", "kilowatt", "kilowatts"),
    "VA": ("V.A", "V*A", "V·A", "va", "voltampere"),
    "kVA": ("kVa", "KVA", "kV.A"),
    "var": ("VAR", "VAr", "Var"),
    "kvar": ("kVAR", "kVAr", "kVar", "KVAR"),
    "Wmin": ("W.min", "W*min", "W·min"),
    "Wh": ("W.h", "W*h", "W·h", "watthour", "watthours", "wh", "WH"),
    "kWh": ("kW.h", "kW*h", "kW·h", "KWH", "KWh", "kwh", "kilowatthour", "kilowatthours"),
    "MWh": ("MW.h", "MW*h", "MW·h"),
    "varh": ("VARh", "VArh", "Varh", "var.h", "var*h"),
    "kvarh": ("kVARh", "kVArh", "kVarh", "KVARH", "kvar.h", "kvar*h"),
    "V": ("volt", "volts", "Volt", "Volts"),
    "A": ("ampere", "amperes", "amp", "amps", "Ampere"),
    "Hz": ("hz", "HZ", "hertz", "Hertz"),
    "l": ("litre", "litres", "liter", "liters", "Liter", "ltr"),
    "m³": ("m^3", "cbm", "cubic_meter", "cubic_meters"),
    "l/h": ("L/hr", "l/hr", "lph", "LPH"),
    "l/min": ("L/min", "lpm", "LPM"),
    "l/s": ("L/s",),
    "m³/h": ("m^3/h", "m3h", "m³h", "m3/hr", "m³/hr", "cbm/h"),
    "°C": ("Cel", "degC", "deg C", "celsius", "Celsius", "˚C", "ºC", "℃"),
    "°F": ("[degF]", "degF", "fahrenheit", "Fahrenheit", "℉"),
    "K": ("kelvin", "Kelvin"),
    "hPa": ("hpa", "HPA"),
    "mbar": ("mb", "millibar"),
    "mmHg": ("mm[Hg]",),
    "inHg": ("[in_i'Hg]",),
    "%": ("percent", "Percent", "pct", "%RH", "%rH", "%rh", "% RH", "% rF", "%EL"),
    "ppm": ("[ppm]", "PPM", "ppmv"),
    "lx": ("lux", "Lux", "lm/m2", "lm/m²"),
    "W/m²": ("W/m2", "W/m^2", "W.m-2"),
    "1": ("{1}",),
}
_KNOWN = ", ".join(_TO_CANONICAL)
_TO_CANONICAL |= {other: _TO_CANONICAL[unit] for unit, others in _SPELLINGS.items() for other in others}
_POWERS = {  # where only the decimal point moves, which is as exact and many times faster
    unit: power
    for unit, (_, factor, offset) in _TO_CANONICAL.items()
    for power in range(-9, 10)
    if factor == _F(10) ** power and not offset
}


def canonical_unit(unit: str) -> str:
    """The canonical unit that ``unit`` converts to. Raises LookupError for an unknown unit."""
    return _entry(unit)[0]


def conversion(unit: str, to: str) -> tuple[float, float]:
    """``(factor, offset)`` such that ``value_in_to = value * factor + offset``, for a canonical unit ``to``.

    ``("%", "1")`` is allowed, since power factors and efficiencies come in both.
    Raises LookupError for an unknown unit and ValueError where the two measure different things.
    """
    if (unit, to) == ("%", "1"):
        return 0.01, 0.0
    canonical, factor, offset = _entry(unit)
    if canonical != to:
        raise ValueError(f"a value in {unit!r} cannot become {to!r}: it converts to {canonical!r}")
    return float(factor), float(offset)


def power_of_ten(unit: str) -> int | None:
    """By which power of ten a value in the canonical unit is greater; None where more than that lies between the two.

    >>> power_of_ten("Wh")
    -3
    """
    return _POWERS.get(unit)


def to_canonical(value: float, unit: str) -> float:
    """``value`` in the canonical unit of ``unit``, rounded once.

    The arithmetic is exact on the decimal number that ``value`` prints as, so a meter's own digits survive:
    ``to_canonical(0.1, "Wh") == 0.0001``.

    Raises LookupError for an unknown unit, ValueError for a value that is no finite number.
    """
    text = repr(float(value))
    power = _POWERS.get(unit)
    if power is not None and "e" not in text:
        return float(f"{text}e{power}")
    _, factor, offset = _entry(unit)
    return float(Fraction(text) * factor + offset)


def _entry(unit: str) -> tuple[str, Fraction, Fraction]:
    try:
        return _TO_CANONICAL[unit]
    except KeyError:
        raise LookupError(f"unknown unit {unit!r}; known: {_KNOWN}") from None
