"""The settings of one Modbus connection and the devices behind it."""

from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticKnownError

from collectors.modbus.shelf import load_template
from collectors.modbus.template import Pulses, Template
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
    channel: int = Field(default=1, ge=1)
    """Which counter or string it is, in a device that has several."""
    pulses: Pulses | None = None
    """What the pulses stand for, in a device that counts pulses."""

    @model_validator(mode="after")
    def _template_fits(self) -> Self:
        try:
            self.device_type()
        except ValueError as error:
            raise ValueError(f"device {self.id!r}: {error}") from None
        return self

    def device_type(self) -> Template:
        """The template, with regard to ``channel`` and ``pulses``."""
        return device_type(self.template, self.channel, self.pulses)


@cache
def device_type(template_id: str, channel: int, pulses: Pulses | None) -> Template:
    """The template, with regard to channel and pulses; the same one for all devices alike. Raises ValueError."""
    template = load_template(template_id).of_channel(channel)
    return template if pulses is None else template.counting(pulses)


class SerialSettings(Strict):
    """A serial port of this machine, with RTU on it. Its parameters are those set in the devices, in all the same."""

    port: Path
    """Device file, best one that stays: /dev/serial/by-id/…"""
    baudrate: int = Field(default=9600, ge=300)
    """Bits per second."""
    parity: Literal["none", "even", "odd"] = "none"
    """The standard says even; most meters leave the factory with none."""
    stop_bits: Literal[1, 2] = 1

    @property
    def character_bits(self) -> int:
        """Bits on the line for one byte: start bit, data, parity, stop bits."""
        return 1 + 8 + (self.parity != "none") + self.stop_bits


class TlsSettings(Strict):
    """Modbus/TCP Security: both ends show a certificate. The device's must bear the name or address in ``host``."""

    certificate_file: Path
    """This client's certificate (PEM); its role extension, if any, decides what the device lets it do."""
    key_file: Path | None = None
    """Its private key (PEM), if that is not in the same file."""
    ca_file: Path | None = None
    """Certificates to trust (PEM); those of the system if left out."""


class ModbusConnection(Strict):
    """How a bus is reached: a gateway with several units on it, a single device, or a serial port.

    ``host`` alone is Modbus TCP; with ``tls`` it is Modbus/TCP Security, with ``rtu_over_tcp`` a plain serial server.
    ``serial`` instead of ``host`` is RTU on a port of this machine.
    """

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """Unique among the Modbus connections."""
    serial: SerialSettings | None = None
    """The serial port, instead of ``host``."""
    host: str | None = Field(default=None, validate_default=True)
    """Name or address of the gateway or device."""
    tls: TlsSettings | None = None
    """Certificates, for Modbus/TCP Security."""
    port: int = Field(default=502, ge=1, le=65535)
    """TCP port; 502 if left out, 802 with ``tls``."""
    rtu_over_tcp: bool = False
    """Whether the other end passes RTU frames on as they are (a serial device server in raw mode)."""
    timeout_s: float = Field(default=1.0, gt=0)
    """How long to wait for a connection or an answer, in seconds; a template may allow its device more, and the time
    the bytes need on a serial line is added."""

    @property
    def address(self) -> str:
        """Where the bus is, as people say it: host:port or the serial port."""
        return f"{self.host}:{self.port}" if self.serial is None else str(self.serial.port)

    @property
    def protocol(self) -> str:
        """What is spoken there, as people say it."""
        if self.serial is not None:
            return "Modbus RTU"
        if self.rtu_over_tcp:
            return "Modbus RTU over TCP"
        return "Modbus TCP" if self.tls is None else "Modbus/TCP Security"

    @model_validator(mode="before")
    @classmethod
    def _usual_port(cls, given: object) -> object:
        return {"port": 802, **given} if isinstance(given, dict) and given.get("tls") else given

    @field_validator("host")
    @classmethod
    def _somewhere(cls, host: str | None, info: ValidationInfo) -> str | None:
        if host is None and info.data.get("serial", ...) is None:
            raise PydanticKnownError("missing")
        return host

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        needless = [name for name in ("host", "tls", "port", "rtu_over_tcp") if name in self.model_fields_set]
        if self.serial is not None and needless:
            raise ValueError(
                f"connection {self.id!r}: {' and '.join(needless)} is for a network address, not for serial"
            )
        if self.tls is not None and self.rtu_over_tcp:
            raise ValueError(f"connection {self.id!r}: Modbus/TCP Security has no RTU frames; leave one of the two out")
        return self

    @property
    def units(self) -> range:
        """The unit ids that there can be."""
        return range(1, 248) if self.serial is not None or self.rtu_over_tcp else range(256)


class ModbusSettings(ModbusConnection):
    """A Modbus connection and the devices behind it.

    ``host`` alone is Modbus TCP; with ``tls`` it is Modbus/TCP Security, with ``rtu_over_tcp`` a plain serial server.
    ``serial`` instead of ``host`` is RTU on a port of this machine.
    """

    devices: tuple[ModbusDevice, ...] = Field(min_length=1)
    replica: str = ""
    """The only gateway that may poll it, where several share (gateway.sharing); any, one at a time, if left out."""

    @model_validator(mode="after")
    def _units_exist(self) -> Self:
        for device in self.devices:
            if device.unit not in self.units:
                raise ValueError(f"device {device.id!r}: unit {device.unit} is none of a serial bus (1 to 247)")
        return self
