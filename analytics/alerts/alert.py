"""What an alert is. All instants are µs since the Unix epoch, UTC."""

from enum import StrEnum

import msgspec

from metering.event import Event, Severity

_RAISED = ("opened", "reopened", "worsened")


class State(StrEnum):
    """Where an alert is in its life; one that is muted stays what it is and says so in ``muted_until_us``."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"  # somebody takes care of it
    RESOLVED = "resolved"  # there are no more signs of it


class Verdict(StrEnum):
    """What people found: it sets how much it takes to alert of the same kind at the same subject again."""

    FALSE_ALARM = "false_alarm"
    CONFIRMED = "confirmed"


class Evidence(msgspec.Struct, frozen=True):
    """The curve to show: arrays of equal length, or empty where there is nothing to compare with.

    quantity is a name of `metering.quantities`, unit what the values are in; None stands for a missing value.
    """

    quantity: str = ""
    unit: str = ""
    times_us: tuple[int, ...] = ()
    actual: tuple[float | None, ...] = ()
    expected: tuple[float | None, ...] = ()
    lower: tuple[float | None, ...] = ()
    upper: tuple[float | None, ...] = ()


class Excess(msgspec.Struct, frozen=True):
    """What was consumed beyond the expected so far; None where there is no tariff or no factor."""

    amount: float
    unit: str
    eur: float | None = None
    kg_co2e: float | None = None


class Finding(msgspec.Struct, frozen=True):
    """What a check has found, before it is an alert.

    cause     its identity: findings of one cause that meet in time are one alert
    kind      a short key such as stuck, leak, silent
    subject   id of the meter or device
    building  id of the building, or ""
    first_us, last_us   the first and the last sign of it
    rarity    of its strongest sign: the months of one meter that go by until chance shows as much; 0 if nobody knows
    """

    cause: str
    kind: str
    subject: str
    building: str
    severity: Severity
    first_us: int
    last_us: int
    title: str
    explanation: str
    evidence: Evidence = Evidence()
    excess: Excess | None = None
    rarity: float = 0.0


class Entry(msgspec.Struct, frozen=True):
    """One line of an alert's history.

    ``action`` is opened, reopened, worsened, resolved, acknowledged, assigned, commented, muted, unmuted, false_alarm
    or confirmed. ``who`` is the name its caller gave, ``text`` a comment, or what a worsened one was called before.
    """

    time_us: int
    who: str
    action: str
    text: str


class Alert(msgspec.Struct, frozen=True):
    """An alert. ``opened_us`` is when it was raised, ``first_us`` and ``last_us`` bound the signs of it.

    ``assignee`` is the name of who is to take care of it, or "".
    """

    id: str
    cause: str
    kind: str
    subject: str
    building: str
    severity: Severity
    state: State
    first_us: int
    last_us: int
    opened_us: int
    resolved_us: int | None
    muted_until_us: int | None
    title: str
    explanation: str
    evidence: Evidence
    excess: Excess | None
    history: tuple[Entry, ...]
    assignee: str = ""
    verdict: Verdict | None = None

    @property
    def is_open(self) -> bool:
        """Whether there are still signs of it, acknowledged or not."""
        return self.state is not State.RESOLVED

    def is_muted(self, now_us: int) -> bool:
        return self.muted_until_us is not None and self.muted_until_us > now_us

    @property
    def raised_us(self) -> int:
        """When it was raised last: for the first time, again, or as something worse."""
        return max((entry.time_us for entry in self.history if entry.action in _RAISED), default=self.opened_us)

    @property
    def worsened(self) -> int:
        """How often it became much worse, if that is why it was raised last; else 0."""
        raised = [entry.action for entry in self.history if entry.action in _RAISED]
        return raised.count("worsened") if raised[-1:] == ["worsened"] else 0

    def event(self) -> Event:
        """The annotation that goes with it."""
        end_us = None if self.is_open else self.last_us
        return Event(self.id, self.first_us, end_us, self.kind, self.severity, self.subject, self.building, self.title)
