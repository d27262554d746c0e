"""How the gateway stands, as one immutable record taken at one instant."""

from enum import StrEnum

import msgspec


class CollectorState(StrEnum):
    RUNNING = "running"
    WAITING = "waiting"  # has ended, and will be started again
    STOPPED = "stopped"


class CollectorStatus(msgspec.Struct, frozen=True):
    """A collector; ``since_us`` is when it came into its state, ``error`` why it last ended."""

    name: str
    state: CollectorState
    since_us: int
    restarts: int
    error: str


class DeviceState(StrEnum):
    ONLINE = "online"
    LATE = "late"  # overdue, or not heard yet
    SILENT = "silent"


class DeviceStatus(msgspec.Struct, frozen=True):
    """A device, since this process began.

    since_us    when it came into its state
    heard_us    when the gateway last got a reading of it; None if never
    reading_us  the newest time that one of its readings bears; None if there is none
    readings    how many it sent
    failures    how often a collector could not read it; ``error`` is the newest reason, ``failed_us`` its time
    """

    id: str
    state: DeviceState
    since_us: int
    heard_us: int | None
    reading_us: int | None
    readings: int
    failures: int
    failed_us: int | None
    error: str


class StoreStatus(msgspec.Struct, frozen=True):
    """The store as the writer finds it.

    failing_since_us  since when it takes nothing; None while it does
    error             what it last said, while it takes nothing
    lag_s             how long the reading to be stored next has been waiting, in seconds
    """

    failing_since_us: int | None
    error: str
    lag_s: float


class GatewayStatus(msgspec.Struct, frozen=True, kw_only=True):
    """All counts are of readings since this process began, unless it says otherwise.

    At any instant: received + queued_at_start = stored + rejected + thinned + queued.

    received            taken over durably; those written again to lift a doubt (``confirmed``) count again
    stored              in the store
    rejected            set aside, by reason
    thinned             left out because the outbox was full and their source could not wait, by reason
    queued              in the outbox, or about to be
    suspect             taken over, but doubted, by reason
    dead_letters        messages (not readings) that could not be decoded
    quarantine_dropped  of what was set aside, thrown out since for newer
    quarantine_bytes    on disk, of what was set aside
    outbox_full         whether collectors have to wait, or their readings are thinned
    damaged             pieces of damaged bytes found in the outbox, and set aside
    problems            why it is not ready; empty if it is
    replicas            those that are there; empty where nothing is shared
    """

    at_us: int
    received: int
    stored: int
    rejected: dict[str, int]
    thinned: dict[str, int]
    queued: int
    queued_at_start: int
    suspect: dict[str, int]
    confirmed: int
    dead_letters: int
    quarantine_dropped: int
    quarantine_bytes: int
    outbox_bytes: int
    outbox_max_bytes: int
    outbox_full: bool
    damaged: int
    store: StoreStatus
    collectors: tuple[CollectorStatus, ...]
    devices: dict[DeviceState, int]
    problems: tuple[str, ...]
    replicas: tuple[str, ...] = ()

    @property
    def ready(self) -> bool:
        return not self.problems
