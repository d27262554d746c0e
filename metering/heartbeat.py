"""The gateway's own sign of life in the store: how others tell a silent device from a silent gateway."""

from metering.reading import Reading

GATEWAY = "leitwarte-gateway"
"""The device under which it is stored; no device of the settings has this id."""

INTERVAL_S = 15.0
"""Between two beats. They don't queue with the readings, so they stop only with the gateway or the store."""


def beat(now_us: int, *, well: bool) -> Reading:
    """One beat; its value is 0, or 1 while the gateway has a problem."""
    return Reading(GATEWAY, "state", 0.0 if well else 1.0, now_us)
