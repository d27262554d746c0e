"""Modbus devices of one type that answer at once; what they show moves a little, as in a meter that is at work.

    python -m bench.modbus_server PORT FILE TEMPLATE [DEAD_EVERY]

FILE says how many registers were read so far. Of every DEAD_EVERY units, counted over all connections, one is silent.
"""

import math
import select
import socket
import struct
import sys
import time
from pathlib import Path

from collectors.modbus.point import encode_points
from collectors.modbus.shelf import load_template
from metering.quantities import QUANTITIES, Kind

_HEAD = struct.Struct(">HHHBBHH")  # transaction, protocol, length, unit, function, address, count
_REFRESH_S = 0.2  # as meters do: what is read within is one picture
_USUAL = {"voltage": 230.0, "current": 12.0, "frequency": 50.0, "power": 2700.0, "factor": 0.9}


class Devices:
    """All units of all connections show the same."""

    def __init__(self, template: str, dead_every: int) -> None:
        self.read = 0  # registers
        self._points = load_template(template).points
        self._dead_every = dead_every
        self._rests: dict[socket.socket, bytes] = {}
        self.refresh()

    def refresh(self) -> None:
        """Renew the registers."""
        values = {point.quantity: _shown(point.quantity) for point in self._points}
        image = encode_points(self._points, values)
        self._bytes = b"".join(image.get(address, 0).to_bytes(2, "big") for address in range(max(image) + 1))

    def speak(self, connection: socket.socket) -> bool:
        """Answer what has come; False once the other end has gone."""
        try:
            came = connection.recv(65536)
        except ConnectionError:
            came = b""
        data = self._rests.pop(connection, b"") + came
        whole = len(data) - len(data) % _HEAD.size
        answers = []
        for transaction, _, _, unit, function, address, count in _HEAD.iter_unpack(data[:whole]):
            if not (self._dead_every and unit % self._dead_every == 0):
                self.read += count
                head = struct.pack(">HHHBBB", transaction, 0, 3 + 2 * count, unit, function, 2 * count)
                answers.append(head + self._bytes[2 * address : 2 * (address + count)])
        if answers:
            connection.sendall(b"".join(answers))
        self._rests[connection] = data[whole:]
        return bool(came)


def _shown(quantity: str) -> float:
    seconds = time.time()
    if QUANTITIES[quantity].kind is Kind.REGISTER:
        return seconds % 1e6
    usual = next((value for word, value in reversed(_USUAL.items()) if word in quantity.split("_")), 1.0)
    return usual * (1.0 + 0.02 * math.sin(seconds))


def main(port: int, file: Path, template: str, dead_every: int) -> None:
    devices = Devices(template, dead_every)
    listener = socket.create_server(("127.0.0.1", port))
    polled, connections = select.epoll(), {}
    polled.register(listener, select.EPOLLIN)
    due_s = 0.0
    while True:
        for descriptor, _ in polled.poll(_REFRESH_S):
            if descriptor == listener.fileno():
                connection, _ = listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connections[connection.fileno()] = connection
                polled.register(connection, select.EPOLLIN)
            elif not devices.speak(connections[descriptor]):
                polled.unregister(descriptor)
                connections.pop(descriptor).close()
        if time.monotonic() >= due_s:
            due_s = time.monotonic() + _REFRESH_S
            devices.refresh()
            partial = file.with_suffix(".part")
            partial.write_text(str(devices.read))
            partial.rename(file)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int((sys.argv[4:] or ["0"])[0]))
