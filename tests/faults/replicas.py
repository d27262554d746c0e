"""Three gateways that share one broker, one store and nine buses; one is killed under load, and comes back."""

import asyncio
import contextlib
import json
import random
import time
from collections import Counter as Count
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from device_sim.modbus import ModbusTown
from tests.faults.ledger import Found, Ledger, Place, Row
from tests.faults.look import Store, look
from tests.faults.process import Gateway
from tests.faults.towns import PLAIN, Counter, Hurrying, Publisher, Talker
from tests.servers import Server, free_port, influxd, mosquitto

REPLICAS = ("a", "b", "c")
TAKEOVER_S = 6.0
INTERVAL_S = 1.0
BEFORE, AWAY, WITHOUT, BACK = "three", "one killed", "two", "three again"
_DATABASE = "replicas"
_BUSES = 9
_PATIENCE_S = 120.0
_SPELL = 150  # messages


class Outcome(NamedTuple):
    """What was seen.

    rows         of the ledger
    taken_s      from the kill until the last of the killed one's buses was polled again
    part         of the messages that each of the three had taken before the kill
    first, last  which buses the killed one held before, and after its return
    waiting      acknowledged messages of the time with two that were not in the store before the third came back
    unpolled     polls that are nowhere, by bus
    most_polls   of a bus, more than one gateway alone could have made
    """

    rows: dict[str, Row]
    taken_s: float
    part: Sequence[int]
    first: frozenset[str]
    last: frozenset[str]
    waiting: int
    unpolled: Count[str]
    most_polls: float


class Fleet:
    """The three processes, each with a folder of its own."""

    def __init__(self, folder: Path, document: dict[str, Any]) -> None:
        self._folder = folder
        self.ports = {name: free_port() for name in REPLICAS}
        self.gateways = {name: self._gateway(name, document) for name in REPLICAS}

    def _gateway(self, name: str, document: dict[str, Any]) -> Gateway:
        folder = self._folder / name
        folder.mkdir()
        sharing = {"replica": name, "broker": "town", "takeover_s": TAKEOVER_S, "alone_s": 0}
        own = {"drain_s": 30, "sharing": sharing, "health": {"port": self.ports[name]}}
        settings = folder / "leitwarte.yaml"
        settings.write_text(yaml.safe_dump({**document, "data_dir": str(folder), "gateway": own}), "utf-8")
        return Gateway(settings, self.ports[name], folder / "gateway.log", folder / "clock")

    def quarantines(self) -> list[Path]:
        return [self._folder / name / "gateway" / "quarantine" for name in REPLICAS]

    def said(self, text: str) -> bool:
        """Whether one of them has logged it."""
        return any(text in (self._folder / name / "gateway.log").read_text("utf-8", "replace") for name in REPLICAS)

    async def held(self, name: str) -> frozenset[str] | None:
        """Which buses it holds, once it knows of as many replicas as run; None before."""
        runs = [one for one in REPLICAS if self.gateways[one].runs]
        status = await self.gateways[name].health()
        if status is None or status["replicas"] != runs:
            return None
        names = (one["name"] for one in status["collectors"])
        return frozenset(one.removeprefix("modbus:") for one in names if one.startswith("modbus:"))

    async def divided(self) -> bool:
        """Whether every bus is held by one of those that run."""
        parts = [await self.held(name) for name in REPLICAS if self.gateways[name].runs]
        return (
            sum(len(part or ()) for part in parts) == _BUSES == len(frozenset().union(*(part or () for part in parts)))
        )

    async def received(self) -> list[int]:
        metrics = [await gateway.metrics() for gateway in self.gateways.values() if gateway.runs]
        return [round(one.get("readings_received_total", 0.0)) for one in metrics]


async def trial(folder: Path) -> Outcome:
    """Raises AssertionError if something that must come does not."""
    async with _stage(folder) as (broker, store, ledger, talkers, fleet):
        ledger.begin(BEFORE)
        for gateway in fleet.gateways.values():
            gateway.start()
        await _until(fleet.divided, "all buses are divided among three")
        await _until(lambda: _soon(fleet.said('"broker": "single", "version"')), "who has that connection listens")
        publisher = Publisher(talkers, ledger, random.Random(1), broker.host, broker.port)
        begun_s, begun = time.monotonic(), ledger.polls_by_bus()
        talking = asyncio.create_task(publisher.run())
        before = await fleet.received()

        async def all_hear() -> bool:
            return all(now > then + 100 for now, then in zip(await fleet.received(), before, strict=True))

        await _until(all_hear, "each of them hears messages")
        part = [now - then for now, then in zip(await fleet.received(), before, strict=True)]
        first = await fleet.held("c") or frozenset()

        ledger.begin(AWAY)
        fleet.gateways["c"].kill()
        killed_s = time.monotonic()

        async def polled() -> bool:
            return first <= ledger.polls_since(killed_s).keys()

        await _until(polled, "its buses are polled by others")
        taken_s = max(ledger.polls_since(killed_s)[bus] for bus in first) - killed_s if first else 0.0
        await _until(lambda: _soon(fleet.said("taken out of its group")), "it is taken out of its group")

        ledger.begin(WITHOUT)
        await _until(lambda: _soon(ledger.sure(WITHOUT) > _SPELL), "messages come")
        ledger.begin(BACK)
        waiting = await _missing(store, ledger, fleet, WITHOUT)
        fleet.gateways["c"].start()
        await _until(fleet.divided, "it has its share again")
        last = await fleet.held("c") or frozenset()
        await _until(lambda: _soon(ledger.sure(BACK) > _SPELL), "messages come")

        talking.cancel()
        await asyncio.gather(talking, return_exceptions=True)
        polls, elapsed_s = ledger.polls_by_bus(), time.monotonic() - begun_s
        most_polls = max(polls[bus] - begun[bus] for bus in polls) - elapsed_s / INTERVAL_S
        await _missing(store, ledger, fleet)
        for gateway in fleet.gateways.values():
            assert await asyncio.to_thread(gateway.stop) == 0
        found = _look(store, fleet)
        unpolled = Count(key.device.rpartition("-")[0] for key in ledger.polled_keys() if key not in found.stored)
        return Outcome(ledger.account(found), taken_s, part, first, last, waiting, unpolled, most_polls)


@contextlib.asynccontextmanager
async def _stage(folder: Path) -> AsyncIterator[tuple[Server, Store, Ledger, list[Talker], Fleet]]:
    with contextlib.ExitStack() as stack:
        for name in ("mosquitto", "influxd"):
            (folder / name).mkdir()
        broker = stack.enter_context(mosquitto(folder / "mosquitto"))
        database = stack.enter_context(influxd(folder / "influxd"))
        store, ledger = Store(database.url, _DATABASE), Ledger()
        meters = [Counter(f"bus{n}", 1, ledger) for n in range(_BUSES)]
        # Half of them say the time; of the others the moment of receipt counts, which a second receipt would change.
        talkers = [Talker(f"lamp-{n}", 2, Place.STORE, PLAIN, 0 if n % 2 else None) for n in range(20)]
        single = Talker("single", 2, Place.STORE, PLAIN, 0)
        town = ModbusTown(meters, Hurrying())
        await town.start()
        common = {"host": "127.0.0.1", "timeout_s": 30.0}
        buses = [
            {"id": meter.link.bus, "port": town.ports[meter.link.bus], "devices": [meter.settings], **common}
            for meter in meters
        ]
        address = {"host": broker.host, "port": broker.port}
        shared = {"id": "town", "share": "town", "devices": [talker.settings for talker in talkers], **address}
        divided = {"id": "single", "devices": [single.settings], **address}  # falls to the one that is killed
        document = {
            "store": store.settings(),
            "modbus": buses,
            "mqtt": [shared, divided],
        }
        fleet = Fleet(folder, document)
        try:
            yield broker, store, ledger, [*talkers, single], fleet
        finally:
            for gateway in fleet.gateways.values():
                if gateway.runs:
                    gateway.kill()
            await town.stop()


async def _missing(store: Store, ledger: Ledger, fleet: Fleet, episode: str = "") -> int:
    """How many acknowledged messages are nowhere, once none is or for a while no more has come."""
    least, since_s = float("inf"), time.monotonic()
    while True:
        found = await asyncio.to_thread(_look, store, fleet)
        missing = ledger.missing(found, episode)
        if missing < least:
            least, since_s = missing, time.monotonic()
        if missing == 0 or time.monotonic() - since_s > 20.0:
            return missing
        await asyncio.sleep(0.5)


def _look(store: Store, fleet: Fleet) -> Found:
    found = Found()
    for quarantine in fleet.quarantines():
        one = look(store, quarantine, set())
        found = Found(one.stored, found.refused | one.refused, found.dead | one.dead)
    return found


async def _soon(value: bool) -> bool:  # noqa: FBT001
    return value


async def _until(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            while not await condition():  # noqa: ASYNC110 - it is asked of other processes
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"in {_PATIENCE_S:g} s not: {what}") from None


def told(outcome: Outcome) -> str:
    """A line for people."""
    return json.dumps({**outcome._asdict(), "rows": None, "first": sorted(outcome.first), "last": sorted(outcome.last)})
