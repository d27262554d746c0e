"""What the gateway says of itself in the store as readings: its sign of life, its outbox, the state of its devices.

They do not queue with the other readings, so they stop only with the gateway or the store.
"""

from metering.reading import Reading

GATEWAY = "leitwarte-gateway"
"""The device under which it is stored; no device of the settings has this id."""

INTERVAL_S = 15.0
"""Between two beats."""


def beat(now_us: int, *, well: bool) -> Reading:
    """One beat, by which others tell a silent device from a silent gateway; 0, or 1 while the gateway has a problem."""
    return Reading(GATEWAY, "state", 0.0 if well else 1.0, now_us)


def of_gateway(part: str) -> str:
    """The device under which the gateway stores what it says of a device, or of what it set aside for a reason."""
    return f"{GATEWAY}:{part}"
