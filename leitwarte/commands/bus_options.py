"""What the commands that speak to a Modbus bus by themselves have in common: how it is named, how it fails."""

import errno
import logging
import socket
import ssl
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from pydantic import ValidationError

from collectors.modbus.bus import Refused, Unreachable
from collectors.modbus.settings import ModbusConnection
from leitwarte import logs
from leitwarte.proposal import slug

_ROOM = "How the bus is reached"


class Parity(StrEnum):
    """Of a serial port."""

    NONE = "none"
    EVEN = "even"
    ODD = "odd"


TargetArgument = Annotated[
    str | None, typer.Argument(metavar="HOST[:PORT]", help="Gateway or device; leave it out with --serial.")
]
SerialOption = Annotated[
    Path | None, typer.Option(help="Serial port of this machine, such as /dev/serial/by-id/…", rich_help_panel=_ROOM)
]
BaudrateOption = Annotated[int, typer.Option(help="Serial: bits per second.", rich_help_panel=_ROOM)]
ParityOption = Annotated[Parity, typer.Option(help="Serial: as set in the devices.", rich_help_panel=_ROOM)]
StopBitsOption = Annotated[int, typer.Option(min=1, max=2, help="Serial: 1 or 2.", rich_help_panel=_ROOM)]
RtuOption = Annotated[
    bool, typer.Option("--rtu-over-tcp", help="A serial server that passes RTU frames on.", rich_help_panel=_ROOM)
]
CertificateOption = Annotated[
    Path | None, typer.Option(help="Modbus/TCP Security: this client's certificate (PEM).", rich_help_panel=_ROOM)
]
KeyOption = Annotated[
    Path | None, typer.Option(help="Its private key, if not in the same file.", rich_help_panel=_ROOM)
]
CaOption = Annotated[
    Path | None, typer.Option(help="Certificates to trust; the system's if left out.", rich_help_panel=_ROOM)
]
TimeoutOption = Annotated[
    float, typer.Option("--timeout", min=0.05, help="Seconds to wait for an answer.", rich_help_panel=_ROOM)
]


class Way(NamedTuple):
    """The options above, as they were given."""

    target: str | None
    serial: Path | None
    baudrate: int
    parity: Parity
    stop_bits: int
    rtu_over_tcp: bool
    tls_certificate: Path | None
    tls_key: Path | None
    tls_ca: Path | None
    timeout_s: float

    def settings(self, id_: str | None = None) -> dict[str, object]:
        """The connection as it stands in a settings file. Raises ValueError for a port that is none."""
        if self.serial is not None:
            port = {"port": str(self.serial), "baudrate": self.baudrate, "parity": self.parity.value}
            found: dict[str, object] = {"serial": {**port, "stop_bits": self.stop_bits}}
            where = self.serial.name
            if self.target is not None:
                found["host"] = self.target
        else:
            host, port_number = host_and_port(self.target or "")
            found = {"host": host or None}
            where = host if port_number is None else f"{host}-{port_number}"
            if port_number is not None:
                found["port"] = port_number
        if self.rtu_over_tcp:
            found["rtu_over_tcp"] = True
        if self.tls_certificate is not None:
            files = {"certificate_file": self.tls_certificate, "key_file": self.tls_key, "ca_file": self.tls_ca}
            found["tls"] = {name: str(file) for name, file in files.items() if file is not None}
        if self.timeout_s != ModbusConnection.model_fields["timeout_s"].default:
            found["timeout_s"] = self.timeout_s
        return {"id": id_ or slug(where), **found}

    def connection(self, id_: str | None = None) -> ModbusConnection:
        """Raises ValueError, in a line or more, for options that do not go together."""
        try:
            return ModbusConnection.model_validate(self.settings(id_))
        except ValidationError as error:
            raise ValueError("\n".join(_explained(item["loc"], item["msg"]) for item in error.errors())) from None

    def arguments(self) -> str:
        """The options as they stand on a command line, to call another command with."""
        words = [] if self.target is None else [self.target]
        if self.serial is not None:
            words += ["--serial", str(self.serial), "--baudrate", str(self.baudrate), "--parity", self.parity.value]
            words += ["--stop-bits", str(self.stop_bits)]
        words += ["--rtu-over-tcp"] if self.rtu_over_tcp else []
        for name in ("tls_certificate", "tls_key", "tls_ca"):
            file = getattr(self, name)
            words += [] if file is None else [f"--{name.replace('_', '-')}", str(file)]
        return " ".join(words)


def quiet() -> None:
    """Only what the command itself says."""
    logs.configure(level=logging.ERROR)


def host_and_port(text: str) -> tuple[str, int | None]:
    """``meter``, ``10.0.0.5:1502``, ``[fe80::1]:502`` → host and port. Raises ValueError."""
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]") or (":" in host and not host.startswith("[")):
        return text.strip("[]"), None
    if not host or not port.isdecimal() or not 1 <= int(port) <= 65535:
        raise ValueError(f"{text!r} is no address; write HOST or HOST:PORT")
    return host.strip("[]"), int(port)


def explained(error: Unreachable | Refused) -> str:
    """What went wrong and what to do about it, in two lines."""
    return f"{error}\n→ {_remedy(error)}"


def _remedy(error: Unreachable | Refused) -> str:  # noqa: PLR0911 - one line a case
    if isinstance(error, Refused):
        return _REMEDIES.get(error.code, "ask for other registers, or look the code up in the device's manual")
    match error.__cause__:
        case ConnectionRefusedError():
            return "nothing listens there: check the port (usually 502), and that Modbus is switched on in the device"
        case socket.gaierror():
            return "the name is unknown here: check the spelling, or give the address"
        case ssl.SSLError():
            return "check the certificates, and that the device speaks Modbus/TCP Security (usually port 802)"
        case OSError(errno=errno.ENOENT):
            return (
                "there is no such file: for a serial port look under /dev/serial/by-id, and check that it is plugged in"
            )
        case OSError(errno=errno.EACCES):
            return "not allowed: add this user to the group of the serial port (usually dialout)"
        case TimeoutError():
            return (
                "check address, cable, VLAN and firewall; some devices allow one connection only, and it may be taken"
            )
    return "check address, cable and port; some devices allow one connection only, and it may be taken"


_REMEDIES = {
    1: "the device does not know this function: try --input instead of --holding, or the other way round",
    2: "it has no such registers: try another --address or a smaller --count, and --input as well as --holding",
    3: "it does not give so many registers at once: try a smaller --count",
    4: "the device says that it has failed: look at its display",
    6: "it is busy: try again in a moment",
    10: "the gateway has no way to this unit: check the gateway's settings",
    11: "the gateway gets no answer from this unit: check unit id, wiring, baud rate and parity",
}


def _explained(where: tuple[int | str, ...], message: str) -> str:
    if where == ("host",):
        return "give HOST[:PORT] or --serial"
    return f"{'.'.join(map(str, where))}: {message.removeprefix('Value error, ')}".removeprefix(": ")
