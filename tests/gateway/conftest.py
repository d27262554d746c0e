"""Fixtures of the gateway's tests."""

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[EventDict]]:
    """What the test made the gateway log."""
    with capture_logs() as entries:
        yield entries
