"""What was said, kept apart from all that Leitwarte says about itself.

A value is the number of a saying, so that it can be told from every other wherever it turns up, and whenever.
"""

import time
from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class Key(NamedTuple):
    """One saying of one device."""

    device: str
    number: int


class Place(StrEnum):
    """Where a saying belongs in the end."""

    STORE = "store"
    REFUSED = "refused"  # in the quarantine, with what the store said
    DEAD = "dead"  # in the quarantine, as a message nobody can read


@dataclass(slots=True)
class Saying:
    """``sure`` once it is Leitwarte's to keep: the broker has acknowledged it, or the next poll but one has come."""

    place: Place
    episode: str
    sure: bool = False


@dataclass(slots=True)
class Found:
    """What an independent look into store and quarantine shows; ``damaged`` is what the driver itself destroyed."""

    stored: Counter[Key] = field(default_factory=Counter)
    refused: set[Key] = field(default_factory=set)
    dead: set[Key] = field(default_factory=set)
    damaged: set[Key] = field(default_factory=set)

    def places(self, key: Key) -> set[Place]:
        where = {Place.STORE: self.stored, Place.REFUSED: self.refused, Place.DEAD: self.dead}
        return {place for place, keys in where.items() if key in keys}


@dataclass(slots=True)
class Row:
    """The account of one kind of episode; all counts are of sayings."""

    runs: int = 0
    messages: int = 0
    polls: int = 0
    set_aside: int = 0
    lost: int = 0
    duplicated: int = 0
    unexplained: int = 0

    @property
    def is_clean(self) -> bool:
        return self.lost == self.duplicated == self.unexplained == 0


class Poll(NamedTuple):
    bus: str
    key: Key
    at_s: float


class Ledger:
    """Told of each message by the publisher, of each poll by the meter that answered it."""

    def __init__(self) -> None:
        self.episode = ""
        self.runs: Counter[str] = Counter()
        self.sayings: dict[Key, Saying] = {}
        self._polls: list[Poll] = []

    def begin(self, episode: str) -> None:
        self.episode = episode
        self.runs[episode] += 1

    def forgive(self) -> None:
        """Ask for nothing of what was said until now: nobody was there yet to hear it."""
        for saying in self.sayings.values():
            saying.sure = False

    def said(self, key: Key, place: Place) -> None:
        """A message is on its way to the broker."""
        self.sayings[key] = Saying(place, self.episode)

    def acknowledged(self, key: Key) -> None:
        """The broker has it."""
        self.sayings[key].sure = True

    def polled(self, bus: str, key: Key) -> None:
        """A meter has answered."""
        self.sayings[key] = Saying(Place.STORE, self.episode)
        self._polls.append(Poll(bus, key, time.monotonic()))

    def polls_by_bus(self) -> Counter[str]:
        return Counter(poll.bus for poll in self._polls)

    def polls_since(self, at_s: float) -> dict[str, float]:
        """When each bus was first polled after this time (monotonic, s); only those that were."""
        return {poll.bus: poll.at_s for poll in reversed(self._polls) if poll.at_s > at_s}

    def polled_keys(self) -> list[Key]:
        return [poll.key for poll in self._polls]

    def settle_polls(self, lives: Sequence[tuple[float, float]]) -> None:
        """A poll is sure if the same process asked twice again on the same bus.

        It asks one device, and no more, while the answer before is not durable yet.

        lives  when each process of the gateway began and ended (monotonic, s)
        """
        for begun_s, ended_s in lives:
            newest: defaultdict[str, deque[Poll]] = defaultdict(deque)
            for poll in self._polls:
                if begun_s <= poll.at_s <= ended_s:
                    newest[poll.bus].append(poll)
                    if len(newest[poll.bus]) > 2:
                        self.sayings[newest[poll.bus].popleft().key].sure = True

    def sure(self, episode: str) -> int:
        """How many sayings of an episode are sure."""
        return sum(saying.sure and saying.episode == episode for saying in self.sayings.values())

    def missing(self, found: Found, episode: str = "") -> int:
        """How many of those that are sure (of an episode) are nowhere."""
        return sum(
            saying.sure and not found.places(key) and key not in found.damaged
            for key, saying in self.sayings.items()
            if not episode or saying.episode == episode
        )

    def account(self, found: Found) -> dict[str, Row]:
        """A row for each kind of episode, and one for what was found but never said, if there is any."""
        rows = {name: Row(runs=runs) for name, runs in self.runs.items()}
        polls = {poll.key for poll in self._polls}
        for key, saying in self.sayings.items():
            row, places = rows[saying.episode], found.places(key)
            row.messages += saying.sure and key not in polls
            row.polls += saying.sure and key in polls
            row.set_aside += bool(places - {Place.STORE}) or (key in found.damaged and not places)
            row.lost += saying.sure and not places and key not in found.damaged
            row.duplicated += found.stored[key] > 1
            row.unexplained += bool(places - {saying.place})
        if strange := (found.stored.keys() | found.refused | found.dead) - self.sayings.keys():
            rows["never said"] = Row(unexplained=len(strange))
        return rows
