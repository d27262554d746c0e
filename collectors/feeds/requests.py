"""GET with patience."""

import asyncio
import random
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self

import httpx

from metering.clock import Clock
from metering.instant import SECOND, from_datetime

_BUSY = {408, 425, 429, 500, 502, 503, 504}
_LONGEST_WAIT_S = 120.0


class FeedError(Exception):
    """A source could not be read; the message names it, says why, and what may help."""


class Requests:
    """Answers of one source. Use as an async context manager.

    attempts  how often a request is tried while the source is busy or cannot be reached
    pause_s   before the second attempt; doubles from there, with jitter; a Retry-After of the source counts instead
    """

    def __init__(  # noqa: PLR0913
        self,
        source: str,
        base_url: str,
        *,
        headers: Mapping[str, str] | None = None,
        attempts: int = 5,
        pause_s: float = 1.0,
        clock: Clock | None = None,
    ) -> None:
        self.source = source
        self._attempts = attempts
        self._pause_s = pause_s
        self._clock = clock or Clock()
        agent = {"User-Agent": "leitwarte (energy monitoring)", **(headers or {})}
        self._client = httpx.AsyncClient(base_url=base_url, headers=agent, timeout=30.0, follow_redirects=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def json(self, path: str, **parameters: str) -> Any:  # noqa: ANN401 - what others publish
        """The decoded body. Raises FeedError for an answer that is no JSON, and as `get`."""
        response = await self.get(path, **parameters)
        try:
            return response.json()
        except ValueError:
            raise FeedError(f"{self.source} answered {path} with something that is no JSON") from None

    async def get(self, path: str, **parameters: str) -> httpx.Response:
        """The answer. Raises FeedError if the source refuses, or is still busy or out of reach after all attempts."""
        why = ""
        for attempt in range(self._attempts):
            wait_s = self._pause_s * 2**attempt * random.uniform(0.8, 1.2)  # noqa: S311 - jitter
            try:
                response = await self._client.get(path, params=parameters)
            except httpx.HTTPError as error:
                why = str(error) or type(error).__name__
            else:
                if response.is_success:
                    return response
                why = f"HTTP {response.status_code}"
                if response.status_code not in _BUSY:
                    raise FeedError(f"{self.source} refused {path}: {why} {response.text[:200].strip()}")
                wait_s = self._wished(response, wait_s)
            if attempt + 1 < self._attempts:
                await asyncio.sleep(min(wait_s, _LONGEST_WAIT_S))
        raise FeedError(f"{self.source} could not be read after {self._attempts} attempts: {why}; try again later")

    def _wished(self, response: httpx.Response, otherwise_s: float) -> float:
        """Retry-After in seconds or as a date (RFC 9110)."""
        text = response.headers.get("Retry-After", "")
        if text.isdigit():
            return float(text)
        try:
            return max(0.0, (from_datetime(parsedate_to_datetime(text)) - self._clock.now_us()) / SECOND)
        except (TypeError, ValueError):
            return otherwise_s
