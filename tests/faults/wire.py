"""A TCP proxy that can be cut, held up and slowed down; it does not look into what it carries."""

import asyncio
import contextlib

from tests.faults.listener import Listener, reset


class Wire(Listener):
    """Carries connections to the port beyond. ``delay_s`` is added to each piece that passes."""

    def __init__(self, far_port: int) -> None:
        super().__init__()
        self.delay_s = 0.0
        self._far_port = far_port
        self._open = asyncio.Event()
        self._open.set()
        self._ends: set[asyncio.StreamWriter] = set()

    def hold(self) -> None:
        """From now on nothing passes, and nobody is told: half open."""
        self._open.clear()

    def release(self) -> None:
        self._open.set()

    def cut(self) -> None:
        """Reset every connection; what was held up in them is gone."""
        for end in self._ends:
            reset(end)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._ends.add(writer)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._far_port)
        except OSError:
            reset(writer)
            self._ends.discard(writer)
            return
        self._ends.add(far_writer)
        ends = (writer, far_writer)
        pumps = [asyncio.create_task(self._pump(*way)) for way in ((reader, far_writer), (far_reader, writer))]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            for end in ends:
                end.close()
                self._ends.discard(end)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(65_536):
                await asyncio.sleep(self.delay_s)
                await self._open.wait()
                writer.write(piece)
                await writer.drain()
