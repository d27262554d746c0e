"""The limit of what a gateway here can do: a subscriber that acknowledges each message and does nothing else.

    python -m bench.discarder HOST PORT TOPIC_BEGINNING FILE

When nothing has come for two seconds it writes into FILE how many seconds by the clock, and of the processor, passed
from the first message to the last.
"""

import asyncio
import sys
import time
from pathlib import Path

from collectors.mqtt.session import connected
from collectors.mqtt.settings import MqttSettings

_QUIET_S = 2.0


async def main(host: str, port: int, beginning: str, file: Path) -> None:
    settings = MqttSettings(id="discarder", host=host, port=port, say_status=False)
    async with connected(settings, "5", lambda: 0) as session:
        filters = ["#"] if beginning.startswith(("plug", "shelly", "tele")) else [f"{beginning}/#"]
        await session.subscribe(filters)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        session.acknowledge(await session.receive(1))
        begun, cpu = time.monotonic(), time.process_time()
        ended, spent = begun, cpu
        while True:
            try:
                deliveries = await asyncio.wait_for(session.receive(500), _QUIET_S)
            except TimeoutError:
                break
            session.acknowledge(deliveries)
            ended, spent = time.monotonic(), time.process_time()
    partial = file.with_suffix(".part")
    partial.write_text(f"{ended - begun} {spent - cpu}")
    partial.rename(file)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3], Path(sys.argv[4])))
