"""Which devices a message is for."""

from collections.abc import Iterable
from typing import NamedTuple
from zlib import crc32

from paho.mqtt.matcher import MQTTMatcher

from collectors.mqtt.listener import Listener

TOPICS_REMEMBERED = 10_000
"""At least; as many more as there are devices."""


class Route(NamedTuple):
    """What is known of a topic; ``digest`` is that of its name, with which the digest of a message begins."""

    listeners: tuple[Listener, ...]
    digest: int


class Router:
    """Finds the devices that a topic belongs to. Built anew for each connection, as decoders may remember things."""

    def __init__(self, listeners: Iterable[Listener]) -> None:
        self._by_filter: dict[str, list[Listener]] = {}
        self._known: dict[str, Route] = {}
        self._wildcards = MQTTMatcher()  # type: ignore[no-untyped-call]
        for listener in listeners:
            for topic_filter in listener.subscriptions():
                self._by_filter.setdefault(topic_filter, []).append(listener)
        for topic_filter, some in self._by_filter.items():
            if "+" in topic_filter or "#" in topic_filter:
                self._wildcards[topic_filter] = some

    @property
    def filters(self) -> list[str]:
        return list(self._by_filter)

    def listeners_of(self, topic_filter: str) -> list[Listener]:
        return self._by_filter[topic_filter]

    def route(self, topic: str) -> Route:
        """Each listener is there once, even where several of its filters match."""
        known = self._known.get(topic)
        if known is None:
            if len(self._known) >= TOPICS_REMEMBERED + len(self._by_filter):
                self._known.clear()
            found = list(self._by_filter.get(topic, ()))
            found += [listener for some in self._wildcards.iter_match(topic) for listener in some]  # type: ignore[no-untyped-call]
            known = Route(tuple(dict.fromkeys(found)), crc32(topic.encode(errors="replace")))
            self._known[topic] = known
        return known
