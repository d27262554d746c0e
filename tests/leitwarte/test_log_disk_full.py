"""A log that cannot be written stops nobody's work."""

import subprocess
import sys
from pathlib import Path

WORK = """
import structlog
from leitwarte import logs
logs.configure()
for n in range(10_000):
    structlog.get_logger().error("disk_write_failed", n=n)
print("worked on")
"""


def test_work_goes_on_when_the_log_is_on_a_full_disk() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", WORK], stdout=subprocess.PIPE, stderr=full, check=False, timeout=180
        )
    assert done.stdout == b"worked on\n"
