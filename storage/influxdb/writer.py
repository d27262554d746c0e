"""Where lines go: what a writer is, and ``/write`` on 1.x."""

from typing import Protocol

from storage.influxdb.connection import Connection


class Writer(Protocol):
    """Takes line protocol in µs and returns when the server keeps it."""

    async def write(self, lines: bytes) -> None: ...

    async def close(self) -> None: ...


class V1Writer:
    """InfluxDB 1.x."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._parameters = {"db": connection.settings.database, "precision": "u"}

    async def write(self, lines: bytes) -> None:
        await self._connection.request("POST", "/write", params=self._parameters, content=lines)

    async def close(self) -> None:
        """Nothing: the connection belongs to whoever gave it."""
