"""A child process: a gateway with an embedded store and a collector that prints how far it has been heard."""

import asyncio
import itertools
import sys
from pathlib import Path

import structlog

from collectors.protocol import Receipts, Sink
from gateway.gateway import Gateway
from metering.clock import Clock
from storage.embedded.store import EmbeddedStore
from storage.settings import EmbeddedSettings
from tests.gateway.parts import DEVICES, reading, settings_in

BATCH = 20


class Counting:
    """Hands over the readings ``first``, ``first`` + 1 … and prints the end of each batch that was accepted."""

    name = "counting"

    def __init__(self, first: int) -> None:
        self._first = first

    async def run(self, sink: Sink) -> None:
        for start in itertools.count(self._first, BATCH):
            end = start + BATCH
            await sink.accept([reading(n) for n in range(start, end)], Receipts(self.name, {start: 1}))
            sys.stdout.write(f"{end}\n")
            sys.stdout.flush()


async def main(folder: Path, first: int) -> None:
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    store = EmbeddedStore(EmbeddedSettings(path=folder / "store.duckdb"))
    await store.start()
    await Gateway(store, [Counting(first)], DEVICES, settings_in(folder), Clock()).run()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
