"""What devices can say in each payload format of the simulator, and the options that a format needs for it."""

from collections.abc import Mapping
from typing import Any

PHASES = [f"{what}_l{n}" for what in ("active_power", "voltage", "current") for n in (1, 2, 3)]
SHAPES = {
    "tasmota plug": ("tasmota", "active_power apparent_power power_factor voltage current active_energy_import"),
    "tasmota meter": (
        "tasmota",
        "active_power active_energy_import active_energy_import_t1 active_energy_import_t2 active_energy_export "
        + " ".join(PHASES),
    ),
    "tasmota climate": ("tasmota", "temperature humidity dew_point pressure co2"),
    "zigbee plug": ("zigbee2mqtt", "active_power current voltage active_energy_import active_energy_export"),
    "zigbee climate": ("zigbee2mqtt", "temperature humidity pressure co2 battery"),
    "zigbee battery": ("zigbee2mqtt", "battery battery_voltage"),
    "shelly meter": (
        "shelly_gen2",
        "active_power apparent_power current_n frequency active_energy_import active_energy_export " + " ".join(PHASES),
    ),
    "shelly outlet": (
        "shelly_gen2",
        "active_power voltage current power_factor active_energy_import active_energy_export",
    ),
    "shelly climate": ("shelly_gen2", "temperature humidity battery"),
    "json heat": ("json", "heat_energy heat_power flow_temperature volume_flow"),
    "plain number": ("number", "active_power"),
    "vzlogger": ("vzlogger", "active_energy_import"),
    "line protocol": ("influx_line", "active_power temperature active_energy_import"),
    "chirpstack climate": ("chirpstack", "temperature humidity co2 pressure illuminance battery_voltage"),
    "tts climate": ("tts", "temperature humidity co2 pressure illuminance battery_voltage"),
    "homie": ("homie", "active_power"),
    "sparkplug meter": (
        "sparkplug_b",
        "active_power active_energy_import active_energy_export voltage_l1 voltage_l2 active_power_l3 temperature",
    ),
    "sparkplug heat": ("sparkplug_b", "heat_energy heat_power flow_temperature return_temperature"),
    "shelly 1 outlet": ("shelly_gen1", "active_power active_energy_import"),
    "shelly 1 meter": (
        "shelly_gen1",
        "voltage active_power reactive_power power_factor active_energy_import active_energy_export",
    ),
    "shelly 1 climate": ("shelly_gen1", "humidity temperature battery"),
    "wmbus heat": ("wmbusmeters", "heat_energy heat_power volume_flow flow_temperature return_temperature"),
    "wmbus water": ("wmbusmeters", "water_volume"),
    "wmbus electricity": (
        "wmbusmeters",
        "active_energy_import active_energy_export active_power_import active_power_export voltage_l1 voltage_l2",
    ),
    "wmbus room": ("wmbusmeters", "temperature humidity"),
}
TOPICS = {"sparkplug_b": "spBv1.0/town/edge1"}
ENERGY = {"quantity": "active_energy_import", "unit": "Wh"}
POWER = {"quantity": "active_power", "unit": "kW", "factor": 0.1}
OPTIONS: dict[str, Mapping[str, Any]] = {
    "number": POWER,
    "vzlogger": {"channels": {"chn0": POWER, "chn1": ENERGY}, "values": "agg"},
    "influx_line": {
        "fields": [
            {"measurement": "my meter", "field": "P,total", "tags": {"phase": "a=b"}, **POWER},
            {"measurement": "my meter", "field": "P,total", "quantity": "temperature", "unit": "K", "tags": {"t": "1"}},
            {"measurement": "meter", "field": "e", **ENERGY},
        ],
        "precision": "ms",
    },
    "homie": {"properties": {"meter/energy": ENERGY, "meter/power": POWER}},
}
OPTIONS["json"] = {
    "time": {"pointer": "/when", "format": "unix_ms"},
    "values": [
        {"pointer": "/e", "quantity": "heat_energy", "unit": "GJ"},
        {"pointer": "/p/kw", "quantity": "heat_power", "unit": "kW", "text": True},
        {"pointer": "/t~1flow", "quantity": "flow_temperature", "unit": "°C", "factor": 0.1},
        {"pointer": "/flow", "quantity": "volume_flow", "unit": "l/h"},
    ],
}
