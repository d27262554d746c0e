"""How far a value may be trusted (data quality, after the status custom of VDE-AR-N 4400)."""

from enum import IntEnum


class Quality(IntEnum):
    """Trustworthiness of a value; the number is what stores keep, so members are never renumbered."""

    MEASURED = 0  # as the device said it
    ESTIMATED = 1  # computed by a model where nothing was measured
    SUBSTITUTED = 2  # a replacement value (Ersatzwert) formed by a rule
    SUSPECT = 3  # measured, but a plausibility check failed; the reason says which
