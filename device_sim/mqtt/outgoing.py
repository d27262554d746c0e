"""A message on its way to the broker, with what it says."""

from collections.abc import Mapping
from typing import NamedTuple


class Outgoing(NamedTuple):
    """``values`` are those in the payload, rounded as the device rounds them, in canonical units.

    ``time_us`` is the instant in the payload (µs since the Unix epoch, UTC), None if it gives none.
    """

    topic: str
    payload: bytes
    values: Mapping[str, float]
    time_us: int | None = None
    retain: bool = False
