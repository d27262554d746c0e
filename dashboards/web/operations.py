"""What the operator sees of the parts that run elsewhere. Whoever runs the app hands it in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from metering.texts import Language


@dataclass(frozen=True, slots=True)
class SetAside:
    """A message that nobody could decode, or a reading that was rejected.

    about    topic or quantity
    payload  the message, or the value; readable, and shortened if it is long
    """

    id: str
    time_us: int
    source: str
    about: str
    reason: str
    payload: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What the settings do, line by line, and what in them is allowed but probably not meant."""

    does: Sequence[str]
    remarks: Sequence[str]


class Operations(Protocol):
    """Every method may be called from any thread, and raises OSError."""

    def set_aside(self, limit: int) -> Sequence[SetAside] | None:
        """The newest cases, newest first; None if the gateway keeps them where this process cannot look."""
        ...

    def settings(self, language: Language) -> Checked:
        """The settings that run."""
        ...
