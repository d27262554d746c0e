"""What one of several gateways that share messages out does for another that is gone."""

import asyncio

from collectors.mqtt.listener import Listener
from collectors.mqtt.router import Router
from collectors.mqtt.session import Session, connected
from collectors.mqtt.settings import MqttSettings
from metering.clock import Clock

_PATIENCE_S = 20.0


async def take_out(settings: MqttSettings) -> None:
    """End the subscriptions of the gateway that connects with these settings, in its name; its session stays.

    Brokers such as mosquitto and EMQX go on giving its part of the messages to a session whose client is away; after
    this they come to those who are there. What the session holds, and what was not acknowledged, waits for its return.
    Should it live after all, it loses its connection, and subscribes again as it comes back.

    Raises BrokerError, and TimeoutError if the broker does not answer.
    """
    filters = Router(Listener(device) for device in settings.devices).filters
    quiet = settings.model_copy(update={"say_status": False})
    async with asyncio.timeout(_PATIENCE_S), connected(quiet, "5", Clock().now_us, limit=1) as session:
        passing = asyncio.create_task(_pass_over(session))
        try:
            await session.unsubscribe([settings.share_prefix + one for one in filters])
        finally:
            passing.cancel()
            await asyncio.gather(passing, return_exceptions=True)


async def _pass_over(session: Session) -> None:
    """Take messages and acknowledge none: the answer stands behind them, and they are for another."""
    while True:
        await session.receive(1)
