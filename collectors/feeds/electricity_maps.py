"""Electricity Maps v3: how a zone generated its electricity in the last 24 hours, mean MW per hour.

Its past changes: hours that it has only estimated so far are taken as not published, and measured when fetched later.
"""

from collections import defaultdict
from datetime import datetime

from collectors.feeds.generation import Mix, combined
from collectors.feeds.requests import FeedError, Requests
from metering.instant import HOUR, SECOND, Window, from_datetime

URL = "https://api.electricitymap.org"
HEADER = "auth-token"
_MODES = {
    "battery discharge": "pumped_storage",  # both give back what was generated before
    "biomass": "biomass",
    "coal": "coal",
    "gas": "gas",
    "geothermal": "geothermal",
    "hydro": "hydro",
    "hydro discharge": "pumped_storage",
    "nuclear": "nuclear",
    "oil": "oil",
    "solar": "solar",
    "unknown": "unknown",
    "wind": "wind",
}


class ElectricityMaps:
    """``/v3/power-breakdown/history``; the `HEADER` with the token belongs to the requests."""

    def __init__(self, requests: Requests, zone: str = "DE") -> None:
        self._requests = requests
        self._zone = zone

    async def fetch(self, window: Window) -> Mix:
        """The mix of the hours that begin in the window. Raises FeedError, also if none of the last 24 does."""
        answer = await self._requests.json("/v3/power-breakdown/history", zone=self._zone)
        values: defaultdict[str, dict[int, float | None]] = defaultdict(dict)
        try:
            for entry in answer["history"]:
                start_us = from_datetime(datetime.fromisoformat(entry["datetime"]))
                if start_us not in window:
                    continue
                for name, megawatt in entry["powerProductionBreakdown"].items():
                    if name not in _MODES:
                        raise FeedError(f"Electricity Maps has an unknown mode {name!r}; add it to {__name__}")
                    known = megawatt is not None and not entry["isEstimated"]
                    values[name][start_us] = float(megawatt) if known else None
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise FeedError(f"Electricity Maps answers in another shape than documented: {error!r}") from None
        if not values:
            raise FeedError("Electricity Maps tells the last 24 hours only, and none of them is in the period")
        mwh = combined((_MODES[name], series) for name, series in values.items())
        licence = "Electricity Maps terms of service; not for redistribution"
        return Mix("electricity-maps", licence, "Electricity Maps", self._zone, HOUR // SECOND, mwh)
