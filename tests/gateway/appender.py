"""A child process that appends to an outbox until it is killed, and prints each append that has returned."""

import asyncio
import sys
from pathlib import Path

from collectors.protocol import Receipts
from gateway.outbox import Outbox
from metering.clock import Clock
from metering.reading import Reading


async def main(folder: Path) -> None:
    outbox = Outbox(folder, 2_000_000, Clock(), newest_first="newest_first" in sys.argv)
    await outbox.open()
    sys.stdout.write("open\n")
    sys.stdout.flush()

    async def append(task: int) -> None:
        n = int(sys.argv[3]) + task
        while True:
            n += 4
            await outbox.append([Reading("meter", "active_power", float(n), n)], Receipts("broker", {n % 60_000: n}))
            sys.stdout.write(f"{n}\n")
            sys.stdout.flush()

    async def store() -> None:
        while True:
            batch = await outbox.take(100)
            sys.stdout.writelines(f"stored {reading.time_us}\n" for reading in batch.readings)
            sys.stdout.flush()
            await outbox.commit(batch)

    await asyncio.gather(*map(append, range(4)), *([] if "append" in sys.argv else [store()]))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
