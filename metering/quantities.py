"""The registry of quantities: one line each, in the canonical unit every reading is stored in.

Units and OBIS codes follow IEC 62056-61 (electricity) and EN 13757-1 (heat, gas, water). The plausible range is
what no device in a municipal network leaves while it works; a device template may narrow it, never widen it.
To add a quantity, add a line to ``_TABLE``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Kind(StrEnum):
    """How a quantity behaves over time, which decides how it may be aggregated."""

    GAUGE = "gauge"  # an instantaneous value: mean, min, max make sense
    REGISTER = "register"  # a cumulative counter: only differences make sense
    STATE = "state"  # an enumerated condition: only last and count make sense
    INTERVAL = "interval"  # a result that Leitwarte computed for the interval starting at its time


BILLING_UNIT = "billing unit"
"""Unit of interval results whose unit is that of the meter's carrier (``Carrier.unit``: kWh or m³)."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A measurable quantity.

    ``low`` and ``high`` bound the plausible values, in ``unit``; ``obis`` is the OBIS code without billing period,
    or None where the standard has none.
    """

    name: str
    unit: str
    kind: Kind
    obis: str | None
    low: float
    high: float


_POWER = 50e6  # W: the largest feeder of a municipal utility, with room to spare
_ENERGY = 1e10  # kWh, kvarh
_VOLUME = 1e9  # m³

_G, _R, _S, _I = Kind.GAUGE, Kind.REGISTER, Kind.STATE, Kind.INTERVAL

_TABLE = (
    # electricity, instantaneous; power is signed, import from the grid positive
    Quantity("active_power", "W", _G, "1-0:16.7.0", -_POWER, _POWER),
    Quantity("active_power_l1", "W", _G, "1-0:36.7.0", -_POWER, _POWER),
    Quantity("active_power_l2", "W", _G, "1-0:56.7.0", -_POWER, _POWER),
    Quantity("active_power_l3", "W", _G, "1-0:76.7.0", -_POWER, _POWER),
    Quantity("active_power_import", "W", _G, "1-0:1.7.0", 0.0, _POWER),
    Quantity("active_power_export", "W", _G, "1-0:2.7.0", 0.0, _POWER),
    Quantity("active_power_generation", "W", _G, None, -1e4, _POWER),  # inverters draw a little at night
    Quantity("apparent_power", "VA", _G, "1-0:9.7.0", -_POWER, _POWER),
    Quantity("reactive_power", "var", _G, None, -_POWER, _POWER),
    Quantity("power_factor", "1", _G, "1-0:13.7.0", -1.0, 1.0),
    Quantity("voltage", "V", _G, "1-0:12.7.0", 0.0, 150e3),
    Quantity("voltage_l1", "V", _G, "1-0:32.7.0", 0.0, 150e3),
    Quantity("voltage_l2", "V", _G, "1-0:52.7.0", 0.0, 150e3),
    Quantity("voltage_l3", "V", _G, "1-0:72.7.0", 0.0, 150e3),
    Quantity("current", "A", _G, "1-0:11.7.0", -20e3, 20e3),
    Quantity("current_l1", "A", _G, "1-0:31.7.0", -20e3, 20e3),
    Quantity("current_l2", "A", _G, "1-0:51.7.0", -20e3, 20e3),
    Quantity("current_l3", "A", _G, "1-0:71.7.0", -20e3, 20e3),
    Quantity("current_n", "A", _G, "1-0:91.7.0", -20e3, 20e3),
    Quantity("frequency", "Hz", _G, "1-0:14.7.0", 45.0, 65.0),
    Quantity("dc_power", "W", _G, None, -_POWER, _POWER),
    Quantity("dc_voltage", "V", _G, None, 0.0, 2000.0),
    Quantity("dc_current", "A", _G, None, -20e3, 20e3),
    # electricity, registers
    Quantity("active_energy_import", "kWh", _R, "1-0:1.8.0", 0.0, _ENERGY),
    Quantity("active_energy_import_t1", "kWh", _R, "1-0:1.8.1", 0.0, _ENERGY),
    Quantity("active_energy_import_t2", "kWh", _R, "1-0:1.8.2", 0.0, _ENERGY),
    Quantity("active_energy_export", "kWh", _R, "1-0:2.8.0", 0.0, _ENERGY),
    Quantity("active_energy_generation", "kWh", _R, None, 0.0, _ENERGY),
    Quantity("reactive_energy_import", "kvarh", _R, "1-0:3.8.0", 0.0, _ENERGY),
    Quantity("reactive_energy_export", "kvarh", _R, "1-0:4.8.0", 0.0, _ENERGY),
    # heat, cooling, gas, water
    Quantity("heat_energy", "kWh", _R, "6-0:1.0.0", 0.0, _ENERGY),
    Quantity("cooling_energy", "kWh", _R, "5-0:1.0.0", 0.0, _ENERGY),
    Quantity("gas_volume", "m³", _R, "7-0:3.0.0", 0.0, _VOLUME),  # operating volume (Betriebsvolumen)
    Quantity("water_volume", "m³", _R, "8-0:1.0.0", 0.0, _VOLUME),
    Quantity("hot_water_volume", "m³", _R, "9-0:1.0.0", 0.0, _VOLUME),
    Quantity("pulse_count", "1", _R, None, 0.0, 2.0**63),
    Quantity("heat_power", "W", _G, None, -_POWER, _POWER),
    Quantity("volume_flow", "m³/h", _G, None, -1e5, 1e5),
    Quantity("flow_temperature", "°C", _G, None, -40.0, 250.0),
    Quantity("return_temperature", "°C", _G, None, -40.0, 250.0),
    # buildings
    Quantity("temperature", "°C", _G, None, -60.0, 250.0),
    Quantity("outdoor_temperature", "°C", _G, None, -60.0, 60.0),
    Quantity("humidity", "%", _G, None, 0.0, 105.0),  # capacitive sensors read a little over 100 in fog
    Quantity("dew_point", "°C", _G, None, -80.0, 60.0),
    Quantity("pressure", "hPa", _G, None, 300.0, 1200.0),
    Quantity("co2", "ppm", _G, None, 0.0, 50e3),
    Quantity("illuminance", "lx", _G, None, 0.0, 2e5),
    Quantity("irradiance", "W/m²", _G, None, -20.0, 2000.0),  # pyranometers cool below zero on clear nights
    Quantity("battery", "%", _G, None, 0.0, 100.0),
    Quantity("battery_voltage", "V", _G, None, 0.0, 100.0),
    Quantity("state", "1", _S, None, -(2.0**31), 2.0**32),
    # of the gateway itself, see `metering.heartbeat`
    Quantity("queued", "1", _G, None, 0.0, 1e12),  # readings in the outbox
    Quantity("lag", "s", _G, None, 0.0, 1e9),  # how long the next one to be stored has been waiting
    Quantity("set_aside", "1", _R, None, 0.0, 1e12),  # readings and messages, since the gateway began
    # results of analytics; their series are named after the meter, not the device
    Quantity("consumption", BILLING_UNIT, _I, None, -_ENERGY, _ENERGY),
    Quantity("completeness", "1", _I, None, 0.0, 1.0),  # share of the interval that was measured
    Quantity("gap_consumption", BILLING_UNIT, _I, None, -_ENERGY, _ENERGY),  # of longer gaps, beside consumption
    Quantity("expected", BILLING_UNIT, _I, None, -_ENERGY, _ENERGY),
    Quantity("expected_lower", BILLING_UNIT, _I, None, -_ENERGY, _ENERGY),
    Quantity("expected_upper", BILLING_UNIT, _I, None, -_ENERGY, _ENERGY),
    Quantity("anomaly_score", "1", _I, None, 0.0, 1.0),
    Quantity("emissions", "kg CO2e", _I, None, -_ENERGY, _ENERGY),
    Quantity("gap_emissions", "kg CO2e", _I, None, -_ENERGY, _ENERGY),  # of gap_consumption, beside emissions
)

QUANTITIES: Mapping[str, Quantity] = MappingProxyType({quantity.name: quantity for quantity in _TABLE})


def quantity(name: str) -> Quantity:
    """Look a quantity up by name. Raises LookupError, naming the closest known ones, if there is none."""
    try:
        return QUANTITIES[name]
    except KeyError:
        near = [known for known in QUANTITIES if name and known.startswith(name.split("_", maxsplit=1)[0])]
        hint = f"; did you mean one of {', '.join(near)}?" if near else ""
        raise LookupError(f"unknown quantity {name!r}{hint}") from None
