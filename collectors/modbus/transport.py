"""How a bus is reached: Modbus TCP, Modbus/TCP Security, RTU through TCP, or RTU on a serial port of this machine.

Source: MODBUS over Serial Line 1.02 (gap between frames), MODBUS/TCP Security 36 (mutual TLS, port 802).
"""

import asyncio
import ssl

from pymodbus.client.base import ModbusBaseClient
from pymodbus.exceptions import ModbusException
from pymodbus.framer import FramerType
from pymodbus.transaction import TransactionManager
from pymodbus.transport import CommParams, CommType

from collectors.modbus.settings import ModbusConnection, TlsSettings

_NEVER_S = 3600.0  # pymodbus has one timeout for all; the bus's own differ and come first
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
        self.has_transactions = serial is None and not settings.rtu_over_tcp
        self._tls = settings.tls
        self._framer = FramerType.SOCKET if self.has_transactions else FramerType.RTU
        self._params = CommParams(comm_name=self.address, reconnect_delay=0.0, timeout_connect=_NEVER_S)
        if serial is None:
            self._character_s = self.gap_s = 0.0
            self._params.comm_type = CommType.TCP if settings.tls is None else CommType.TLS
            self._params.host, self._params.port = settings.host or "", settings.port
        else:
            self._character_s = serial.character_bits / serial.baudrate
            self.gap_s = max(_GAP_CHARACTERS * self._character_s, _FASTEST_GAP_S)
            self._params.comm_type = CommType.SERIAL
            self._params.host = str(serial.port)
            self._params.baudrate, self._params.bytesize = serial.baudrate, 8
            self._params.parity, self._params.stopbits = serial.parity[0].upper(), serial.stop_bits

    def transfer_s(self, registers: int) -> float:
        """How long request and reply take on the line alone, in seconds."""
        return self._character_s * (_REQUEST_AND_FRAME + 2 * registers)

    async def connect(self) -> ModbusBaseClient:
        """A connected client. Raises OSError, which says why there is none."""
        if self._tls is not None:
            self._params.sslctx = await asyncio.to_thread(_context, self._tls)
        client = ModbusBaseClient(self._framer, 0, self._params, None, None, None)
        _tell_of_broken_replies(client.ctx)
        try:  # client.connect() would do the same, but keep the reason of a failure to itself
            client.ctx.transport, _ = await client.ctx.call_create()
        except Exception as error:
            client.close()
            if isinstance(error, OSError):
                raise
            raise OSError(f"the serial port refuses its settings: {error}") from error  # ValueError or termios.error
        return client


def _tell_of_broken_replies(manager: TransactionManager) -> None:
    """Let a reply that cannot be read fail the request; pymodbus would raise where nobody but the event loop hears."""
    take = manager.callback_data

    def taken(data: bytes, addr: tuple[str, int] | None = None) -> int:
        try:
            return take(data, addr)
        except ModbusException as broken:
            waiting = manager.response_future
            if not waiting.done():
                waiting.set_exception(broken)
                waiting.exception()  # seen: it is no matter if nobody waits
            return len(data)

    manager.callback_data = taken  # type: ignore[method-assign]


def _context(tls: TlsSettings) -> ssl.SSLContext:
    """Verifies the device by its certificate and shows ours. Raises OSError for a file that cannot be used."""
    context = ssl.create_default_context(cafile=tls.ca_file)
    context.load_cert_chain(tls.certificate_file, tls.key_file)
    return context
