"""Degree-day correction of heating energy, for buildings; a BISKO balance is never corrected."""

from decimal import Decimal


def degree_day_corrected(heating_kwh: Decimal, *, degree_days: Decimal, reference: Decimal) -> Decimal:
    """What would have been used in a year with ``reference`` degree days (VDI 3807): Q × reference / degree days.

    For the room-heating part (no hot water) of a whole year or heating season. Raises ValueError for no degree days.
    """
    if degree_days <= 0:
        raise ValueError("a period without degree days has no heating to correct; use a whole heating season")
    return heating_kwh * reference / degree_days
