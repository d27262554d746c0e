"""The test servers themselves: each answers, and comes back on the same port after a kill."""

import urllib.request

import pytest

from tests.servers import Server


@pytest.mark.parametrize("name", ["mosquitto", "influxd", "victoria_metrics"])
def test_answers_and_survives_a_kill(name: str, request: pytest.FixtureRequest) -> None:
    server: Server = request.getfixturevalue(name)
    port = server.port
    server.kill()
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(server.url, timeout=1)
    server.start()
    assert server.port == port
