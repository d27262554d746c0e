"""What every fault has: when it begins and ends, and what it hits."""

import re
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Annotated

from pydantic import AfterValidator

from metering.instant import DAY, HOUR, MINUTE, SECOND, Window, from_datetime
from metering.strict import Strict

FOR_EVER = 2**62
"""The end of a window that has none, µs since the Unix epoch."""

_UNITS = {"s": SECOND, "min": MINUTE, "h": HOUR, "d": DAY}
_RELATIVE = re.compile(r"([+-]\d+(?:\.\d+)?)(s|min|h|d)")


def instant(text: str, start_us: int) -> int:
    """``+20s`` or ``-3d`` from the start (units s, min, h, d), or an ISO 8601 time with its offset.

    Raises ValueError for anything else.
    """
    relative = _RELATIVE.fullmatch(text)
    if relative is not None:
        return start_us + round(Fraction(relative[1]) * _UNITS[relative[2]])
    try:
        return from_datetime(datetime.fromisoformat(text))
    except ValueError:
        raise ValueError(f"{text!r} is neither relative like +20s or -3d nor ISO 8601 with an offset") from None


def _checked(text: str) -> str:
    instant(text, 0)
    return text


When = Annotated[str, AfterValidator(_checked)]


class Fault(Strict):
    """A fault as a scenario describes it; each kind adds what it hits and how hard."""

    begin: When
    end: When | None = None
    """Left out: it lasts."""

    @property
    def parameters(self) -> dict[str, object]:
        """How hard it hits."""
        return self.model_dump(exclude={"kind", "begin", "end", "loads", "devices"})


@dataclass(frozen=True)
class Placed:
    """A fault in its place in time."""

    fault: Fault
    window: Window
