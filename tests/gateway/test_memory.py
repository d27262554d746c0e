"""Memory stays bounded while a flood meets a store that is down."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
BOUND_MB = 30


def test_a_flood_meets_a_store_that_is_down(tmp_path: Path) -> None:
    command = [sys.executable, str(Path(__file__).with_name("flooded.py")), str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    outcome = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=True)
    grown_mb, offered, adds_up, outbox_bytes = outcome.stdout.split()
    assert int(offered) >= 600_000, "some 60 MB, had they been kept in memory"
    assert int(grown_mb) <= BOUND_MB
    assert adds_up == "True"
    assert int(outbox_bytes) <= 8_000_000
