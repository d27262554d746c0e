"""Modbus devices that answer at once, whatever is asked: each pair of registers holds 230.0 as a float.

    python -m bench.modbus_server PORT FILE [DEAD_EVERY]

FILE says how many registers were read so far. Of every DEAD_EVERY units, counted over all connections, one is silent.
"""

import asyncio
import struct
import sys
from pathlib import Path

_HEAD = struct.Struct(">HHHBBHH")  # transaction, protocol, length, unit, function, address, count
_WORDS = struct.pack(">f", 230.0) * 64


class Devices(asyncio.Protocol):
    read = 0  # registers, over all connections
    dead_every = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        whole = len(data) - len(data) % _HEAD.size
        for transaction, _, _, unit, function, _, count in _HEAD.iter_unpack(data[:whole]):
            if not (self.dead_every and unit % self.dead_every == 0):
                Devices.read += count
                head = struct.pack(">HHHBBB", transaction, 0, 3 + 2 * count, unit, function, 2 * count)
                self._transport.write(head + _WORDS[: 2 * count])  # type: ignore[attr-defined]
        self._rest = data[whole:]


async def main(port: int, file: Path, dead_every: int) -> None:
    Devices.dead_every = dead_every
    await asyncio.get_running_loop().create_server(Devices, "127.0.0.1", port)
    while True:
        partial = file.with_suffix(".part")
        partial.write_text(str(Devices.read))
        partial.rename(file)
        await asyncio.sleep(0.2)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2]), int((sys.argv[3:] or ["0"])[0])))
