"""A sink that remembers, as the gateway's outbox would across a crash."""

import asyncio
from collections.abc import Sequence

from collectors.protocol import DeadLetter, Receipts
from metering.reading import Reading
from tests.patience import PATIENCE_S


class RecordingSink:
    """``gate`` closed makes `accept` wait after it has stored; ``stored`` counts readings."""

    def __init__(self) -> None:
        self.readings: list[Reading] = []
        self.batches: list[int] = []
        self.letters: list[DeadLetter] = []
        self.failures: list[tuple[str, str]] = []
        self.known: set[tuple[str, int, int]] = set()
        self.gate = asyncio.Event()
        self.gate.set()
        self._changed = asyncio.Event()

    async def accept(
        self, readings: Sequence[Reading], receipts: Receipts | None = None, *, can_wait: bool = True
    ) -> None:
        assert can_wait
        self.readings += readings
        self.batches.append(len(readings))
        if receipts is not None:
            self.known.update((receipts.channel, *receipt) for receipt in receipts.digests.items())
        self._changed.set()
        await self.gate.wait()

    def is_known(self, channel: str, number: int, digest: int) -> bool:
        return (channel, number, digest) in self.known

    async def dead_letter(self, letter: DeadLetter) -> None:
        self.letters.append(letter)
        self._changed.set()

    def failed(self, device: str, reason: str) -> None:
        self.failures.append((device, reason))
        self._changed.set()

    def values(self, device: str) -> list[float]:
        return [reading.value for reading in self.readings if reading.device == device]

    async def until(self, readings: int = 0, letters: int = 0, failures: int = 0) -> None:
        """Wait until at least as many have come."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.readings) < readings or len(self.letters) < letters or len(self.failures) < failures:
                self._changed.clear()
                await self._changed.wait()
