"""The gateway's process, and the same with a twist.

Run as a program it is ``leitwarte`` with one thing changed before it begins: a clock that can be stepped, or a defect
that the driver must find. ``python process.py <twist> <arguments of leitwarte>``
"""

import asyncio
import json
import mmap
import os
import re
import resource
import signal
import struct
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent.parent
_STEP = struct.Struct("<q")  # nanoseconds that the wall clock is off
_CLOCK = "LEITWARTE_FAULTS_CLOCK"
_METRIC = re.compile(r"^leitwarte_gateway_(\w+)(?:{[^}]*})? (\S+)$", re.MULTILINE)


class Gateway:
    """``leitwarte run --only gateway``. ``lives`` tells when each process of it began and ended (monotonic, s)."""

    def __init__(self, settings: Path, port: int, log: Path, clock: Path, twist: str = "") -> None:
        self.lives: list[tuple[float, float]] = []
        self.twist = twist
        self._settings = settings
        self._arguments = ["run", "-c", str(settings), "--only", "gateway"]
        self._port = port
        self._log = log
        self._clock = clock
        self._process: subprocess.Popen[bytes] | None = None
        self._begun_s = 0.0
        clock.write_bytes(_STEP.pack(0))

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        command = [str(Path(sys.executable).with_name("leitwarte"))]
        if self.twist:
            command = [sys.executable, str(Path(__file__)), self.twist]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), _CLOCK: str(self._clock)}
        self._begun_s = time.monotonic()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *self._arguments], stdout=log, stderr=log, env=environment, cwd=ROOT
            )

    def kill(self) -> None:
        """As a power cut would end it."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """As a service manager would; gives the exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, number: int) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        try:
            code = self._process.wait(120)
        finally:
            self._process.kill()
            self._process.wait()
        self.lives.append((self._begun_s, time.monotonic()))
        return code

    def set(self, **changes: object) -> None:
        """Settings of the section ``gateway`` from the next start on; None takes one out."""
        document = yaml.safe_load(self._settings.read_text("utf-8"))
        changed = {**document["gateway"], **changes}
        document["gateway"] = {name: value for name, value in changed.items() if value is not None}
        self._settings.write_text(yaml.safe_dump(document), "utf-8")

    def may_write(self, file_bytes: int | None) -> None:
        """No file may grow beyond so many bytes from now on; None lifts it."""
        assert self._process is not None
        _, hard = resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE)
        soft = hard if file_bytes is None else file_bytes
        resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (soft, hard))

    def step_clock(self, seconds: float) -> None:
        """Put the wall clock that the process sees ``seconds`` off the true one. Works with the twist for it."""
        with self._clock.open("r+b") as file:
            file.write(_STEP.pack(round(seconds * 1e9)))

    async def health(self) -> Any:
        """What the gateway says of itself; None while nobody answers."""
        answer = await asyncio.to_thread(self._ask, "/health")
        return json.loads(answer) if answer else None

    async def silent_devices(self) -> int | None:
        """How many are not online; None while nobody answers."""
        health = await self.health()
        return None if health is None else len(health["devices_not_online"])

    async def metrics(self) -> dict[str, float]:
        """The sum of each metric over its labels; none while nobody answers."""
        sums: dict[str, float] = {}
        for name, value in _METRIC.findall(await asyncio.to_thread(self._ask, "/metrics")):
            sums[name] = sums.get(name, 0.0) + float(value)
        return sums

    def _ask(self, path: str) -> str:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=30) as answer:
                return str(answer.read().decode())
        except OSError:
            return ""


def stepped_clock() -> None:
    """Everybody in the process who asks what time it is gets it as the file says."""
    with Path(os.environ[_CLOCK]).open("rb") as file:
        step = mmap.mmap(file.fileno(), _STEP.size, access=mmap.ACCESS_READ)
    true_ns = time.time_ns
    time.time_ns = lambda: true_ns() + _STEP.unpack_from(step)[0]
    time.time = lambda: time.time_ns() / 1e9


def acknowledge_first() -> None:
    """A defect: what collectors hand over is said to be safe before it is."""
    from gateway.intake import Intake  # noqa: PLC0415 - only the twisted process has it

    accept, later = Intake.accept, set()

    async def early(self: Intake, *arguments: Any, **options: Any) -> None:
        async def commit() -> None:
            await asyncio.sleep(1.0)
            await accept(self, *arguments, **options)

        task = asyncio.create_task(commit())
        later.add(task)
        task.add_done_callback(later.discard)

    Intake.accept = early  # type: ignore[method-assign]


def forget_receipts() -> None:
    """A defect: redeliveries are taken for news; and acknowledgements take long, so that there are some."""
    from gateway.intake import Intake  # noqa: PLC0415 - only the twisted process has it

    accept = Intake.accept

    async def late(self: Intake, *arguments: Any, **options: Any) -> None:
        await accept(self, *arguments, **options)
        await asyncio.sleep(0.3)

    Intake.accept = late  # type: ignore[method-assign]
    Intake.is_known = lambda *_: False  # type: ignore[method-assign,assignment]


TWISTS: dict[str, Callable[[], None]] = {
    "stepped-clock": stepped_clock,
    "acknowledge-first": acknowledge_first,
    "forget-receipts": forget_receipts,
}


if __name__ == "__main__":
    TWISTS[sys.argv.pop(1)]()
    from leitwarte.cli import main

    main()
