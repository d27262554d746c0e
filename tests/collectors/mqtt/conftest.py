import pytest

from tests.collectors.mqtt.recording import RecordingSink


@pytest.fixture
def sink() -> RecordingSink:
    return RecordingSink()
