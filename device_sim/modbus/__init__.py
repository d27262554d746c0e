"""The town over Modbus: ``town`` serves, ``wire`` frames, ``unit`` keeps registers, ``fault`` spoils them."""

from device_sim.modbus.fault import Fault
from device_sim.modbus.town import ModbusTown
from device_sim.modbus.wire import Wire

__all__ = ["Fault", "ModbusTown", "Wire"]
