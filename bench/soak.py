"""Does anything grow in the gateway while it works for long?

    python -m bench.soak [--minutes 30] [--rate MESSAGES_A_SECOND] [--docs]

Messages come at half of what a first short run gets through, or at the rate given. Exit code 1 if a message is missing
in the end, or if file handles have become more.
"""

import argparse
import os
import platform
import re
import statistics
import sys
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench.mqtt import document, end_to_end, setting, started, until
from bench.payloads import devices
from bench.processes import cpu_s
from bench.result import replace_between, table
from tests.servers import free_port

_KIND, _TOPICS = "json", 1000
_EVERY_S = 5.0
_STRETCHES = 10
_DOCS = Path(__file__).parent.parent / "docs" / "performance.md"
_METRIC = re.compile(r"^leitwarte_gateway_(outbox_readings|outbox_bytes|readings_received_total) (\S+)$", re.MULTILINE)


class Sample(NamedTuple):
    """At one moment: ``behind`` are messages said and not taken over yet, ``load`` the machine's load average."""

    at_s: float
    rss_mb: float
    files: int
    waiting: float
    outbox_mb: float
    behind: float
    cpu_s: float
    load: float


def soak(minutes: float, rate: int) -> tuple[list[Sample], int]:
    """What was seen, and how many messages are missing at the end."""
    seconds = minutes * 60
    messages = round(rate * seconds / 100) * 100
    port = free_port()
    samples: list[Sample] = []
    with setting() as place:
        written = document(place, devices(_KIND, _TOPICS))
        written["gateway"]["health"]["port"] = port
        with started(place, written) as gateway, place.publish(_KIND, _TOPICS, messages, rate) as publisher:
            begun = time.monotonic()
            while (at_s := time.monotonic() - begun) < seconds:
                samples.append(_sample(gateway.pid, port, at_s, rate))
                time.sleep(_EVERY_S)
            publisher.wait(600)
            until(lambda: _metrics(port)["readings_received_total"] >= messages, gateway)
            until(lambda: _metrics(port)["outbox_readings"] == 0, gateway)
            return samples, messages - place.stored()


def _sample(pid: int, port: int, at_s: float, rate: int) -> Sample:
    found = _metrics(port)
    status = Path(f"/proc/{pid}/status").read_text()
    rss_kb = int(status.split("VmRSS:")[1].split()[0])
    files = len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - the names of open files, not paths
    behind = max(0.0, rate * at_s - found["readings_received_total"])
    outbox_mb = found["outbox_bytes"] / 1e6
    load = os.getloadavg()[0]
    return Sample(at_s, rss_kb / 1024, files, found["outbox_readings"], outbox_mb, behind, cpu_s(pid), load)


def _metrics(port: int) -> dict[str, float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
        return {name: float(value) for name, value in _METRIC.findall(answer.read().decode())}


def slope_mb_h(samples: list[Sample], since: float) -> tuple[float, float]:
    """Growth of memory after a part of the time in MB an hour by least squares, and its standard error."""
    steady = samples[round(since * len(samples)) :]
    hours, memory = np.array([(one.at_s / 3600, one.rss_mb) for one in steady]).T
    (slope, _), covariance = np.polyfit(hours, memory, 1, cov=True)
    return float(slope), float(covariance[0, 0]) ** 0.5


def _files(samples: list[Sample]) -> tuple[float, float]:
    """Of the first fifth and of the last; the question for the metrics opens one, too."""
    part = max(1, len(samples) // 5)
    return statistics.median(one.files for one in samples[:part]), statistics.median(
        one.files for one in samples[-part:]
    )


def told(samples: list[Sample], missing: int, rate: int) -> str:
    """Markdown: how it was, then a row for each tenth of the time."""
    cores = len(os.sched_getaffinity(0))
    loads = [one.load for one in samples]
    minutes = (samples[-1].at_s + _EVERY_S) / 60
    growth = " and ".join("{:+.1f} ± {:.1f}".format(*slope_mb_h(samples, since)) for since in (0.2, 0.5))
    when = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC on {cores} cores, Python {platform.python_version()}"
    load = f"{rate:,} messages/s for {minutes:.0f} min ({_KIND}, {_TOPICS:,} topics)"
    machine = f"{min(loads):.1f} to {max(loads):.1f}, median {statistics.median(loads):.1f}"
    how = f"Measured {when}: {load}, {missing:,} missing in the end. Load average of the machine {machine}."
    files = "{:g} at first, {:g} at last (medians of a fifth)".format(*_files(samples))
    grew = f"Memory after the first fifth and in the second half: {growth} MB an hour. File handles: {files}."
    heads = [
        "minute",
        "memory MB",
        "file handles",
        "readings waiting: median",
        "at most",
        "outbox MB",
        "messages behind",
    ]
    rows = []
    for n in range(_STRETCHES):
        some = samples[n * len(samples) // _STRETCHES : (n + 1) * len(samples) // _STRETCHES]
        if len(some) > 1:
            waiting = [one.waiting for one in some]
            spent = (some[-1].cpu_s - some[0].cpu_s) / ((some[-1].at_s - some[0].at_s) * rate) * 1e6
            last = some[-1]
            rows.append([
                f"{last.at_s / 60:.1f}", last.rss_mb, last.files, statistics.median(waiting), max(waiting),
                max(one.outbox_mb for one in some), statistics.median(one.behind for one in some), spent,
            ])  # fmt: skip
    return "\n\n".join([how, grew, table([*heads, "CPU µs/message"], rows)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--rate", type=int, default=0, help="messages a second; half the maximum if left out")
    parser.add_argument("--docs", action="store_true", help="write the table into docs/performance.md")
    chosen = parser.parse_args()
    rate = chosen.rate or int(float(end_to_end(_KIND, _TOPICS, 100_000)[0].figures["messages/s"]) / 200) * 100
    sys.stderr.write(f"{rate:,} messages/s for {chosen.minutes:g} min\n")
    samples, missing = soak(chosen.minutes, rate)
    text = told(samples, missing, rate)
    sys.stdout.write(f"{text}\n")
    if chosen.docs:
        replace_between(_DOCS, "soak", text)
    at_first, at_last = _files(samples)
    sys.exit(bool(missing) or at_last > at_first + 1)


if __name__ == "__main__":
    main()
