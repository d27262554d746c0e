"""Which devices a message is for."""

from collections.abc import Iterable
from zlib import crc32

from paho.mqtt.matcher import MQTTMatcher

from collectors.mqtt.listener import Listener

TOPICS_REMEMBERED = 10_000
"""At least; as many more as there are devices."""


Route = tuple[tuple[Listener, ...], int]
"""The devices that a topic belongs to, and the digest of its name, with which the digest of a message begins."""


class Router(dict[str, Route]):
    """The route of each topic, found when it is first asked for: the others of its messages are a plain look-up.

    Built anew for each connection, as decoders may remember things.
    """

    def __init__(self, listeners: Iterable[Listener]) -> None:
        super().__init__()
        self._by_filter: dict[str, list[Listener]] = {}
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

    def __missing__(self, topic: str) -> Route:
        """Each listener is there once, even where several of its filters match."""
        if len(self) >= TOPICS_REMEMBERED + len(self._by_filter):
            self.clear()
        found = list(self._by_filter.get(topic, ()))
        found += [listener for some in self._wildcards.iter_match(topic) for listener in some]  # type: ignore[no-untyped-call]
        self[topic] = route = tuple(dict.fromkeys(found)), crc32(topic.encode(errors="replace"))
        return route
