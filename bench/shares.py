"""One, two and three gateways behind one shared subscription, on the same cores as broker, store and devices."""

import contextlib
import time
from typing import Any

from bench.mqtt import Process, Setting, document, setting, started, until
from bench.payloads import devices
from bench.processes import cpu_s, peak_mb
from bench.result import Row


def measure(kind: str, topics: int, messages: int) -> list[Row]:
    load = f"{messages:,} messages on {topics:,} topics, {kind}"
    return [Row("shares", load, _who(number), _through(number, kind, topics, messages)) for number in (1, 2, 3)]


def _who(number: int) -> str:
    return "1 gateway" if number == 1 else f"{number} gateways"


def _through(number: int, kind: str, topics: int, messages: int) -> dict[str, float | str]:
    with setting() as place, contextlib.ExitStack() as stack:
        written = document(place, devices(kind, topics))
        gateways = [stack.enter_context(_replica(place, written, f"r{n}")) for n in range(number)]
        stack.enter_context(place.publish(kind, topics, messages))
        spent, begun = [cpu_s(process.pid) for process in gateways], time.monotonic()
        until(lambda: place.has(messages), gateways[0])
        took = time.monotonic() - begun
        costs = [cpu_s(process.pid) - before for process, before in zip(gateways, spent, strict=True)]
        memory = sum(peak_mb(process.pid) for process in gateways)
    figures = {"messages/s": messages / took, "CPU µs/message": sum(costs) / messages * 1e6}
    return {**figures, "CPU of the busiest": f"{max(costs) / sum(costs):.0%}", "peak MB of all": memory}


def _replica(place: Setting, written: dict[str, Any], name: str) -> contextlib.AbstractContextManager[Process]:
    own = {
        **written,
        "data_dir": str(place.folder / name),
        "mqtt": [{**broker, "share": "bench"} for broker in written["mqtt"]],
        "gateway": {**written["gateway"], "sharing": {"replica": name, "broker": "bench"}},
    }
    return started(place, own, name)
