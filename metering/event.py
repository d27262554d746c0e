"""Events: what happened, from when to when. Stores keep them beside the readings, dashboards annotate with them."""

from enum import IntEnum

import msgspec


class Severity(IntEnum):
    """How much it matters; the number is what stores keep, so members are never renumbered."""

    INFO = 0
    WARNING = 1
    CRITICAL = 2


class Event(msgspec.Struct, frozen=True):
    """One happening. ``id`` is its identity: writing it again replaces what was written before.

    id        unique and stable
    time_us   begin, µs since the Unix epoch, UTC; never changes for an id
    end_us    end, or None while it lasts
    kind      a short key such as stuck, gap, base_load
    severity  see `Severity`
    subject   id of the meter or device it is about
    building  id of the building, or ""
    title     one line for people, in the language of the installation
    """

    id: str
    time_us: int
    end_us: int | None
    kind: str
    severity: Severity
    subject: str
    building: str
    title: str
