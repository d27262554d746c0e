"""Instants and windows. An instant is an int: microseconds since the Unix epoch, UTC.

Integers compare, subtract and round exactly and cost nothing; datetimes appear only where people read or write them.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

SECOND = 1_000_000
MINUTE = 60 * SECOND
QUARTER_HOUR = 15 * MINUTE
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def from_datetime(moment: datetime) -> int:
    """The instant of an aware datetime. Raises ValueError for a naive one, which fixes no instant."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no UTC offset, so it names no instant")
    return (moment - _EPOCH) // _MICROSECOND


def to_datetime(instant_us: int) -> datetime:
    """The instant as an aware datetime in UTC."""
    return _EPOCH + timedelta(microseconds=instant_us)


def parse(text: str) -> int:
    """The instant of an ISO 8601 text with offset or ``Z``. Raises ValueError for anything else."""
    return from_datetime(datetime.fromisoformat(text))


def isoformat(instant_us: int) -> str:
    """ISO 8601 in UTC with a ``Z``, no more digits than needed."""
    return to_datetime(instant_us).isoformat().replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open stretch of time ``[start_us, end_us)``. Raises ValueError if it ends before it starts."""

    start_us: int
    end_us: int

    def __post_init__(self) -> None:
        if self.end_us < self.start_us:
            raise ValueError(f"window ends ({isoformat(self.end_us)}) before it starts ({isoformat(self.start_us)})")

    @property
    def duration_us(self) -> int:
        return self.end_us - self.start_us

    def __contains__(self, instant_us: int) -> bool:
        return self.start_us <= instant_us < self.end_us
