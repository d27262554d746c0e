"""The town over Modbus: ``town`` serves, ``wire`` frames, ``unit`` keeps registers and spoils them."""

from device_sim.misspeaking import ModbusFault
from device_sim.modbus.town import ModbusTown
from device_sim.modbus.wire import Wire

__all__ = ["ModbusFault", "ModbusTown", "Wire"]
