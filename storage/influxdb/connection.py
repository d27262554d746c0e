"""Requests to one InfluxDB server."""

import asyncio
from typing import Any

import httpx

from storage.influxdb.failures import of_status
from storage.protocol import StoreUnavailable
from storage.settings import InfluxSettings

_AT_ONCE = 4  # requests: enough to keep a server busy, few enough to leave it room for others


class Connection:
    """HTTP with the server's log-on. Raises StoreUnavailable and StoreRefused, as `failures` tells them apart."""

    def __init__(self, settings: InfluxSettings) -> None:
        self.settings = settings
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._client = httpx.AsyncClient(
            base_url=settings.url,
            timeout=settings.timeout_s,
            verify=settings.url.startswith("https:"),  # reading certificates takes longer than all else here
            headers={"Authorization": f"Token {settings.token.get_secret_value()}"} if settings.token else {},
            auth=(settings.username, settings.password.get_secret_value())
            if settings.username and settings.password
            else None,
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def query(self, statement: str) -> bytes:
        """The answer to a reading InfluxQL statement as JSON for `answers.decode`, times in µs.

        In chunks, because 1.x marks a whole answer of over 10,000 rows as partial, as if its row limit had cut it.
        """
        return (await self._influxql("GET", statement, chunked="true")).content

    async def execute(self, statement: str) -> bytes:
        """The answer to an InfluxQL statement that changes something."""
        return (await self._influxql("POST", statement)).content

    async def request(self, method: str, path: str, **arguments: Any) -> httpx.Response:  # noqa: ANN401  # httpx's own
        """The answer to any request that succeeded."""
        try:
            async with self._turn:
                response = await self._client.request(method, path, **arguments)
        except httpx.RequestError as error:  # also an answer that is compressed wrongly
            raise StoreUnavailable(f"{self.settings.url} cannot be reached: {error or type(error).__name__}") from error
        del response.stream  # a ring, by which it would hold the body of the request until the garbage collector looks
        if not response.is_success:
            raise of_status(response.status_code, response.text, response.headers.get("Retry-After"))
        return response

    async def _influxql(self, method: str, statement: str, **options: str) -> httpx.Response:
        parameters = {"db": self.settings.database, "epoch": "u", "q": statement, **options}
        return await self.request(method, "/query", params=parameters, headers={"Accept": "application/json"})
