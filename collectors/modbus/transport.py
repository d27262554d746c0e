"""How a bus is reached: Modbus TCP, Modbus/TCP Security, RTU through TCP, or RTU on a serial port of this machine.

Source: MODBUS over Serial Line 1.02 (gap between frames), MODBUS/TCP Security 36 (mutual TLS, port 802).
"""

import asyncio
import ssl

from pymodbus.transport.serialtransport import create_serial_connection

from collectors.modbus.frame import RtuFraming, TcpFraming
from collectors.modbus.link import Link
from collectors.modbus.settings import ModbusConnection, SerialSettings, TlsSettings

_GAP_CHARACTERS = 3.5
_FASTEST_GAP_S = 0.00175  # over 19200 baud the gap stays as long as this
_REQUEST_AND_FRAME = 8 + 5  # bytes of a request to read, and of a reply without its registers


class Transport:
    """Opens connections to one bus.

    address           what people call it
    has_transactions  whether a reply names the request it answers; RTU's do not, so a late one may pass for the next
    gap_s             silence that must precede a request, in seconds
    """

    def __init__(self, settings: ModbusConnection) -> None:
        serial = settings.serial
        self.address = settings.address
        self._settings = settings
        self._framing = TcpFraming() if serial is None and not settings.rtu_over_tcp else RtuFraming()
        self.has_transactions = self._framing.has_transactions
        self._character_s = self.gap_s = 0.0
        if serial is not None:
            self._character_s = serial.character_bits / serial.baudrate
            self.gap_s = max(_GAP_CHARACTERS * self._character_s, _FASTEST_GAP_S)

    def transfer_s(self, registers: int) -> float:
        """How long request and reply take on the line alone, in seconds."""
        return self._character_s * (_REQUEST_AND_FRAME + 2 * registers)

    async def connect(self) -> Link:
        """A connected link. Raises OSError, which says why there is none."""
        settings = self._settings
        if settings.serial is not None:
            return await self._plugged(settings.serial)
        context = None if settings.tls is None else await asyncio.to_thread(_context, settings.tls)
        _, link = await asyncio.get_running_loop().create_connection(
            self._link, settings.host or "", settings.port, ssl=context
        )
        return link

    async def _plugged(self, serial: SerialSettings) -> Link:
        line = {
            "baudrate": serial.baudrate,
            "bytesize": 8,
            "parity": serial.parity[0].upper(),
            "stopbits": serial.stop_bits,
        }
        try:
            _, link = await create_serial_connection(
                asyncio.get_running_loop(), self._link, str(serial.port), **line, timeout=0
            )
        except OSError:
            raise
        except Exception as error:  # ValueError or termios.error
            raise OSError(f"the serial port refuses its settings: {error}") from error
        assert isinstance(link, Link)
        await link.ready
        return link

    def _link(self) -> Link:
        return Link(self._framing)


def _context(tls: TlsSettings) -> ssl.SSLContext:
    """Verifies the device by its certificate and shows ours. Raises OSError for a file that cannot be used."""
    context = ssl.create_default_context(cafile=tls.ca_file)
    context.load_cert_chain(tls.certificate_file, tls.key_file)
    return context
