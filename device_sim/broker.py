"""An MQTT broker inside this process, for the demo: real TCP on the loopback interface, MQTT 3.1.1 only.

It is amqtt, with limits that a production broker doesn't have (amqtt 0.12): a message that is not acknowledged within
5 s, or whose client disconnects first, is not sent again; sessions of anonymous clients end with their connection; and
nothing outlives the process. So the demo shows the whole way of a value; its guarantees need a real broker.
"""

import logging

from amqtt.broker import Broker
from amqtt.contexts import BrokerConfig, ListenerConfig


class InProcessBroker:
    """Anonymous access on ``host``:``port``. Raises amqtt's BrokerError from `start` if the port is taken."""

    def __init__(self, host: str = "127.0.0.1", port: int = 1883) -> None:
        if host not in ("127.0.0.1", "localhost"):
            raise ValueError(f"the broker of the demo lets anyone in, so it listens on 127.0.0.1 only, not on {host}")
        self.host = host
        self.port = port
        self._broker: Broker | None = None

    async def start(self) -> None:
        logging.getLogger("amqtt").setLevel(logging.ERROR)
        logging.getLogger("transitions").setLevel(logging.ERROR)
        config = BrokerConfig(
            listeners={"default": ListenerConfig(bind=f"{self.host}:{self.port}")},
            plugins={"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        )
        self._broker = Broker(config)
        await self._broker.start()

    async def stop(self) -> None:
        """Ends all connections; does nothing if it isn't running."""
        broker, self._broker = self._broker, None
        if broker is not None:
            await broker.shutdown()
