"""Devices that speak as fast as the broker takes it, or at a pace: QoS 1, acknowledged by the broker.

    python -m bench.publisher HOST PORT KIND TOPICS MESSAGES [MESSAGES_A_SECOND]

Everything is encoded before the first byte is sent, so that the load costs little beside what is measured.
"""

import asyncio
import sys
import time

from bench.payloads import KINDS
from collectors.mqtt import packets

_CHUNK = 100  # messages sent at once
_WINDOW = 10  # chunks under way
_ROUNDS = 20  # how often a device says something new; then it says the same again


async def publish(host: str, port: int, chunks: list[bytes], messages: int, pace: float) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(packets.connect("3.1.1", f"bench-{time.time_ns()}", keepalive_s=0))
    await reader.readexactly(4)
    window = asyncio.Semaphore(_WINDOW)

    async def acknowledged() -> None:
        for _ in range(messages // _CHUNK):
            await reader.readexactly(4 * _CHUNK)
            window.release()

    listening = asyncio.create_task(acknowledged())
    begun = time.monotonic()
    for n in range(messages // _CHUNK):
        await window.acquire()
        if pace:
            await asyncio.sleep(max(0.0, begun + n * _CHUNK / pace - time.monotonic()))
        writer.write(chunks[n % len(chunks)])
        await writer.drain()
    await listening
    writer.close()


def _encoded(kind: str, topics: int, messages: int) -> list[bytes]:
    speak = KINDS[kind]
    wanted = min(messages, _ROUNDS * topics)
    encoded = [
        packets.publish("3.1.1", speak.said_on(n % topics), speak.payload(n // topics), number=n % 60_000 + 1)
        for n in range(wanted - wanted % _CHUNK)
    ]
    return [b"".join(encoded[at : at + _CHUNK]) for at in range(0, len(encoded), _CHUNK)]


if __name__ == "__main__":
    where, on, what, *numbers = sys.argv[1:]
    wanted = int(numbers[1])
    encoded = _encoded(what, int(numbers[0]), wanted)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    asyncio.run(publish(where, int(on), encoded, wanted, float((numbers[2:] or ["0"])[0])))
