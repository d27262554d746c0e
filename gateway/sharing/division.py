"""Which connections one replica holds, as those who are there come and go. Pure, no I/O; times are steady seconds."""

from collections.abc import Mapping
from typing import NamedTuple

from collectors.mqtt.settings import MqttSettings
from gateway.sharing.rendezvous import owner


class Portion(NamedTuple):
    """A connection as something to be divided.

    devices  heard through it
    replica  the only one that may hold it; "" if any may, one at a time
    group    where instead all hold it and the broker gives each message to one of them: how that is reached
    """

    devices: frozenset[str]
    replica: str = ""
    group: MqttSettings | None = None


class View(NamedTuple):
    """What a replica sees of all.

    live     who is there; as it was last seen, while it is alone
    gone     who was there once
    alone_s  for how long it has seen nobody, not even itself; 0 if it does, infinite if it never has
    """

    live: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()
    alone_s: float = float("inf")


class Division:
    """What ``replica`` holds.

    settle_s  how long it waits before it takes what has become its, so that who had it has let go
    alone_s   how long it keeps what it has while it is alone
    """

    def __init__(self, replica: str, settle_s: float, alone_s: float) -> None:
        self._replica = replica
        self._settle_s = settle_s
        self._alone_s = alone_s
        self._since_s: dict[str, float] = {}

    def holds(self, portions: Mapping[str, Portion], view: View, now_s: float) -> frozenset[str]:
        """The names of the connections that are to be held here now. Ask often: time alone changes it."""
        live = view.live if view.alone_s <= self._alone_s else frozenset()
        fixed = {name for name, one in portions.items() if one.group is not None or one.replica == self._replica}
        free = [name for name, one in portions.items() if one.group is None and not one.replica]
        self._since_s = {name: self._since_s.get(name, now_s) for name in free if owner(name, live) == self._replica}
        return frozenset(fixed | {name for name, since_s in self._since_s.items() if now_s - since_s >= self._settle_s})
