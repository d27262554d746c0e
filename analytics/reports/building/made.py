"""A building's energy report from the store: the same readings by two views."""

from collections.abc import Sequence

from analytics.carbon.view import View
from analytics.reports.building.rows import EnergyRow, energy_rows
from analytics.reports.collect import collect
from analytics.reports.period import Period
from analytics.reports.rules import Rules
from metering.estate import Estate
from storage.protocol import Store

UPSTREAM = "UBA-16-2026"
"""The view that is taken unless another is asked for."""
_DIRECT = "GHGP-LB"
"""The view whose first scope of each carrier is direct emissions."""


async def energy_report(  # noqa: PLR0913, PLR0917
    store: Store, estate: Estate, building: str, period: Period, rules: Rules, upstream: View
) -> Sequence[EnergyRow]:
    """The rows of a building by its id; CO2 with upstream is by the view, which must not tell scopes apart.

    Raises ValueError for a view that does, LookupError for an unknown building, and what the store raises.
    """
    if len(upstream.scopes) > 1:
        raise ValueError(f"{upstream.name} tells scopes apart; take a view without, such as UBA-16-2026 or BISKO-2024")
    place = f"building:{building}"
    whole = await collect(store, estate, period, rules, upstream, place, compare=True)
    direct = await collect(store, estate, period, rules, rules.view(_DIRECT), place)
    return energy_rows(estate, rules, whole, direct)
