"""What every device entry of the settings file has in common, whatever it speaks."""

from pydantic import Field

from metering.estate import Device
from metering.strict import Name, Strict


class DeviceSettings(Strict):
    """A device; each collector adds how to reach it."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """Unique among all devices; part of every series, so it stays for ever."""
    name: Name = ""
    """What people call it; the id if left out."""
    building: str | None = None
    """Id of the building it is in."""
    interval_s: float = Field(default=10.0, gt=0)
    """How often it is read (Modbus) or expected to be heard (MQTT), in seconds."""

    def device(self) -> Device:
        return Device(self.id, self.name or self.id, self.interval_s, self.building)
