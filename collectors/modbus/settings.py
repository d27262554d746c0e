"""The settings of one Modbus TCP connection and the devices behind it."""

from typing import Annotated

from pydantic import AfterValidator, Field

from collectors.modbus.library import load_template
from collectors.settings import DeviceSettings
from metering.strict import Strict


def _known_template(template_id: str) -> str:
    load_template(template_id)
    return template_id


class ModbusDevice(DeviceSettings):
    """A device on the bus, or the only one at the other end."""

    unit: int = Field(default=1, ge=0, le=255)
    """Unit id (slave address)."""
    template: Annotated[str, AfterValidator(_known_template)]
    """Device type: a file of collectors/templates without its ending, e.g. eastron/sdm630."""
    factors: dict[str, float] = Field(default_factory=dict)
    """Multiplies a quantity: a transformer ratio the device does not know of, or -1 where it is wired in reverse."""


class ModbusSettings(Strict):
    """A Modbus TCP connection: a gateway with several units on its bus, or a single device."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """Unique among the Modbus connections."""
    host: str
    """Name or address of the gateway or device."""
    port: int = Field(default=502, ge=1, le=65535)
    timeout_s: float = Field(default=1.0, gt=0)
    """How long to wait for a connection or an answer, in seconds; a template may allow its device more."""
    devices: tuple[ModbusDevice, ...] = Field(min_length=1)
