"""What every kind of load is."""

import re
from abc import ABC, abstractmethod
from typing import Annotated, NamedTuple

from pydantic import BeforeValidator

from device_sim.moments import Moments
from device_sim.noise import Noise
from metering.samples import Floats
from metering.strict import Strict


class Load(Strict, ABC):
    """Something that takes (or, with a negative rate, gives) energy or water. Constant within each minute."""

    @abstractmethod
    def rate(self, when: Moments, noise: Noise) -> Floats:
        """The rate at each minute, in the billing unit of the carrier per hour: kW, or m³/h for water and gas.

        A pure function of its arguments, minute by minute: which other minutes are asked for changes nothing.
        """


class Span(NamedTuple):
    """Hours of the local day, as minutes; ``closes`` over 1440 runs past midnight."""

    opens: int
    closes: int


def _span(text: object) -> object:
    match = re.fullmatch(r"(\d\d):(\d\d)-(\d\d):(\d\d)", text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{text!r} are no hours such as 07:30-16:00")
    opens_h, opens_min, closes_h, closes_min = (int(group) for group in match.groups())
    opens, closes = opens_h * 60 + opens_min, closes_h * 60 + closes_min
    return Span(opens, closes if closes > opens else closes + 24 * 60)


Hours = Annotated[Span, BeforeValidator(_span)]
"""Written ``07:30-16:00``; ``22:00-05:00`` runs past midnight."""
