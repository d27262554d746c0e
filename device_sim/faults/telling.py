"""Faults of telling: the device measures and shows what is right, but its messages or answers go wrong."""

from typing import Literal

from pydantic import Field

from device_sim.faults.fault import Fault
from device_sim.misspeaking import ModbusFault, MqttFault


class TellingFault(Fault):
    """Hits devices that speak the protocol, to the microsecond."""

    devices: tuple[str, ...] = Field(min_length=1)
    fault: ModbusFault | MqttFault


class ModbusTelling(TellingFault):
    """See `device_sim.misspeaking.ModbusFault`."""

    kind: Literal["modbus"]
    fault: ModbusFault


class MqttTelling(TellingFault):
    """See `device_sim.misspeaking.MqttFault`."""

    kind: Literal["mqtt"]
    fault: MqttFault
