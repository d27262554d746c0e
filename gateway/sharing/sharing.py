"""One replica's part in the sharing: what it holds, and what it does when another is lost."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

import structlog

from collectors.mqtt.group import take_out
from collectors.mqtt.session import BrokerError
from collectors.mqtt.settings import MqttSettings
from gateway.failure import describe
from gateway.settings import SharingSettings
from gateway.sharing.division import Division, Portion, View
from gateway.sharing.presence import Presence
from gateway.sharing.rendezvous import owner
from metering.clock import Clock

# In parts of takeover_s: 4/6 until a replica counts as lost, 1/6 until others take over, the rest for looking.
_BEATS, _LEASE, _LOOKS = 6, 4, 4

_log = structlog.get_logger(__name__)


class Sharing:
    """Says which connections are held here; those that all hold always are.

    broker    over which the replicas know of each other
    portions  by the name of the collector
    """

    def __init__(
        self, settings: SharingSettings, broker: MqttSettings, portions: Mapping[str, Portion], clock: Clock
    ) -> None:
        self.replica = settings.replica
        self.held: frozenset[str] = frozenset()
        self._beat_s = settings.takeover_s / _BEATS
        self._alone_s = settings.alone_s
        self._presence = Presence(broker, settings.replica, self._beat_s, _LEASE * self._beat_s, clock)
        self._division = Division(settings.replica, self._beat_s, settings.alone_s)
        self._portions = portions
        self._view = View()
        self._taken_out: set[str] = set()
        self._decide()

    @property
    def replicas(self) -> tuple[str, ...]:
        """Who is there, as far as is known here."""
        return tuple(sorted(self._view.live))

    @property
    def problem(self) -> str:
        """Why nothing of what is divided is held here, or ""."""
        return "cut off from the broker over which the replicas share" if self._view.alone_s > self._alone_s else ""

    def know(self, portions: Mapping[str, Portion]) -> None:
        """From now on these are the connections."""
        self._portions = portions
        self._taken_out.clear()
        self._decide()

    def devices(self) -> frozenset[str]:
        """Those heard here and nowhere else."""
        ours = (self._portions[name] for name in self.held)
        return frozenset().union(*(portion.devices for portion in ours if portion.group is None))

    def answers_for(self, job: str) -> bool:
        """Whether this replica does what one of them is to do."""
        return owner(job, self._view.live) == self.replica

    async def run(self, regroup: Callable[[], Awaitable[None]]) -> None:
        """Until cancelled; ``regroup`` is called whenever ``held`` has changed. Raises what it, or a defect, raises."""
        tasks = [asyncio.create_task(self._presence.run()), asyncio.create_task(self._take_out_the_lost())]
        try:
            while True:
                await asyncio.sleep(self._beat_s / _LOOKS)
                for task in tasks:
                    if task.done():
                        task.result()
                before = self.held
                self._decide()
                if self.held != before:
                    gained, given = sorted(self.held - before), sorted(before - self.held)
                    _log.info("connections divided anew", replicas=self.replicas, gained=gained, given=given)
                    await regroup()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _decide(self) -> None:
        view, before = self._presence.view(), self._view
        self._view = view
        for replica in before.live - view.live:
            _log.warning("replica lost", replica=replica)
        self._taken_out -= view.live
        self.held = self._division.holds(self._portions, view, time.monotonic())

    async def _take_out_the_lost(self) -> None:
        while True:
            await asyncio.sleep(self._beat_s)
            if self._view.alone_s == 0:
                for replica in self._view.gone - self._taken_out:
                    if self.answers_for(f"take out {replica}"):
                        await self._take_out(replica)

    async def _take_out(self, replica: str) -> None:
        try:
            for portion in self._portions.values():
                if portion.group is not None:
                    await take_out(portion.group.of_replica(replica))
        except (BrokerError, OSError) as error:
            _log.warning("a lost replica could not be taken out of its group yet", error=describe(error))
        else:
            self._taken_out.add(replica)
            _log.info("lost replica taken out of its group", replica=replica)
