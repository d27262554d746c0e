"""Which replicas are there: each says so on a broker, retained, and listens to all, itself among them.

Times are those of the listener's own steady clock, from message to message: no two clocks are compared, and a retained
word of one long dead counts for as long as a fresh one, and no longer.
"""

import asyncio
import time

import structlog

from collectors.mqtt.format import Request
from collectors.mqtt.session import BrokerError, Session, UnsupportedVersion, Version, connected
from collectors.mqtt.settings import MqttSettings
from gateway.failure import describe
from gateway.sharing.division import View
from metering.clock import Clock

_ONLINE = b"online"  # what `collectors.mqtt.session` says, too; its last will is another word
_END = "/status"

_log = structlog.get_logger(__name__)


class Presence:
    """One replica's.

    beat_s   how often it says that it is there
    lease_s  how long a replica counts as there after it was last heard
    """

    def __init__(self, broker: MqttSettings, replica: str, beat_s: float, lease_s: float, clock: Clock) -> None:
        self._settings = broker.presence_of(replica)
        self._beginning = broker.presence_of("").status_topic.removesuffix(_END)
        self._replica = replica
        self._beat_s, self._lease_s = beat_s, lease_s
        self._clock = clock
        self._version: Version = "3.1.1" if broker.protocol == "3.1.1" else "5"
        self._heard_s: dict[str, float] = {}
        self._live: frozenset[str] = frozenset()
        self._trouble = ""

    def view(self) -> View:
        """Who is there now."""
        own_s = self._heard_s.get(self._replica, float("-inf"))
        alone_s = time.monotonic() - own_s - self._lease_s
        if alone_s <= 0:
            # Seen from its own last word, up to a beat ago: who is cut off hears the others no longer than itself.
            since_s = own_s - self._lease_s + self._beat_s
            self._live = frozenset(one for one, at_s in self._heard_s.items() if at_s >= since_s)
        return View(self._live, frozenset(self._heard_s) - self._live, max(0.0, alone_s))

    async def run(self) -> None:
        """Until cancelled; a broker that is away is tried again with each beat."""
        while True:
            try:
                await self._listen()
            except UnsupportedVersion as error:
                self._version = "3.1.1" if self._version == "5" else "5"
                _log.warning("presence: another version of mqtt is tried", error=str(error))
            except (BrokerError, OSError) as error:
                trouble, self._trouble = self._trouble, describe(error)
                if trouble != self._trouble:
                    _log.warning("presence: the broker cannot be heard", broker=self._settings.id, error=self._trouble)
            await asyncio.sleep(self._beat_s)

    async def _listen(self) -> None:
        async with connected(self._settings, self._version, self._clock.now_us) as session:
            self._trouble = ""
            # While nobody could be heard nobody has gone: all get another lease.
            self._heard_s.update(dict.fromkeys(self._live - {self._replica}, time.monotonic()))
            beating = asyncio.create_task(self._beat(session))
            try:
                while True:
                    messages = await session.receive(100)
                    for message in messages:
                        self._hear(message.topic, message.payload)
                    session.acknowledge(messages)
            finally:
                beating.cancel()
                await asyncio.gather(beating, return_exceptions=True)  # its error is that of the connection

    async def _beat(self, session: Session) -> None:
        for topic in await session.subscribe([f"leitwarte/+{_END}"]):
            _log.error("presence: the broker refuses a subscription; allow it", topic=topic)
        while True:
            session.publish(Request(self._settings.status_topic, _ONLINE), retain=True)
            await asyncio.sleep(self._beat_s)

    def _hear(self, topic: str, payload: bytes) -> None:
        replica = topic.removeprefix(self._beginning).removesuffix(_END)
        if not topic.startswith(self._beginning) or not replica:
            return
        if payload == _ONLINE:
            self._heard_s[replica] = time.monotonic()
        else:  # a connection that broke is no death; but who was gone before is known
            self._heard_s.setdefault(replica, float("-inf"))
