"""Leitwarte's commands, as real processes and in this one."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from typer.testing import CliRunner

from leitwarte.cli import app

PATIENCE = 3
"""How many times longer than on an idle machine anything may take."""

COMMAND = str(Path(sys.executable).with_name("leitwarte"))


def leitwarte(*arguments: str | Path, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=timeout_s * PATIENCE, check=False
    )


def called(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The same in this process, which spares the seconds that one takes to start. Raises what the command lets go.

    Not for commands that set up logging, which would stay set up.
    """
    outcome = CliRunner().invoke(app, [*map(str, arguments)])
    if outcome.exception is not None and not isinstance(outcome.exception, SystemExit):
        raise outcome.exception
    return subprocess.CompletedProcess(arguments, outcome.exit_code, outcome.stdout, outcome.stderr)


class Running:
    """A command under way; ``said`` is what it has written so far, to both streams."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.said = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for(self, condition: Callable[[], object], timeout_s: float, what: str) -> None:
        """Return when the condition holds; fail with what was said if it does not in time, or if the process ends.

        ``timeout_s`` is what it may take on an idle machine.
        """
        deadline = time.monotonic() + timeout_s * PATIENCE
        while not condition():
            alive = self.process.poll() is None
            if not alive or time.monotonic() > deadline:
                state = "in time" if alive else f"before the end (exit code {self.process.returncode})"
                raise AssertionError(f"{what} did not happen {state}; said:\n{self.said[-4000:]}")
            time.sleep(0.1)

    def end(self, number: int, timeout_s: float = 60) -> int:
        """Send a signal and wait for the exit code."""
        self.process.send_signal(number)
        code = self.process.wait(timeout_s * PATIENCE)
        self._reader.join(5)
        return code

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line


@contextmanager
def started(*arguments: str | Path) -> Iterator[Running]:
    """A command that is killed at the latest when the block ends."""
    process = subprocess.Popen(
        [COMMAND, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "COLUMNS": "200"},
    )
    try:
        yield Running(process)
    finally:
        process.kill()
        process.wait()
