"""What one message costs each process that it passes: the constants of `bench.sizing`.

python -m bench.costs
"""

import sys
from collections.abc import Iterator

from bench.mqtt import document, setting, started, until
from bench.payloads import KINDS, devices
from bench.processes import cpu_s, peak_mb
from bench.result import table

_MESSAGES = 40_000
_CASES = (("json", 1000), ("json", 10_000), ("tasmota", 1000))


def costs(kind: str, topics: int) -> Iterator[float | str]:
    """CPU µs a message of gateway, broker and InfluxDB; then the gateway's memory at the start and at most, in MB."""
    with setting() as place, started(place, document(place, devices(kind, topics))) as gateway:
        at_first = peak_mb(gateway.pid)
        with place.publish(kind, topics, _MESSAGES):
            pids = (gateway.pid, place.broker.pid, place.store.pid)
            before = [cpu_s(pid) for pid in pids]
            until(lambda: place.stored() >= _MESSAGES, gateway, 1.0)
            yield f"{topics:,} topics, {KINDS[kind].readings} readings a message ({kind})"
            yield from ((cpu_s(pid) - spent) / _MESSAGES * 1e6 for pid, spent in zip(pids, before, strict=True))
        yield from (at_first, peak_mb(gateway.pid))


if __name__ == "__main__":
    heads = ["", "gateway µs", "mosquitto µs", "InfluxDB µs", "gateway MB at first", "at most"]
    sys.stdout.write(table(heads, [list(costs(*case)) for case in _CASES]) + "\n")
