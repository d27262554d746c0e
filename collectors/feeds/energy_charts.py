"""energy-charts.info (Fraunhofer ISE): public power generation, mean MW per interval (OpenAPI 2.0 of 2026-07-20)."""

import re
from datetime import datetime

from collectors.feeds.generation import Mix, combined
from collectors.feeds.requests import FeedError, Requests
from metering.instant import Window, from_datetime, to_datetime

URL = "https://api.energy-charts.info"
_MODES: dict[str, str | None] = {
    "biomass": "biomass",
    "fossil_brown_coal_lignite": "coal",
    "fossil_coal_derived_gas": "gas",
    "fossil_gas": "gas",
    "fossil_hard_coal": "coal",
    "fossil_oil": "oil",
    "geothermal": "geothermal",
    "hydro_pumped_storage": "pumped_storage",
    "hydro_run_of_river": "hydro",
    "hydro_water_reservoir": "hydro",
    "nuclear": "nuclear",
    "others": "unknown",
    "solar": "solar",
    "waste": "biomass",  # as Electricity Maps groups ENTSO-E's B17
    "wind_offshore": "wind",
    "wind_onshore": "wind",
    "cross_border_electricity_trading": None,
    "hydro_pumped_storage_consumption": None,
    "load": None,
    "renewable_share_of_generation": None,
    "renewable_share_of_load": None,
    "residual_load": None,
}


class EnergyCharts:
    """``/v2/public_power``; timestamps are interval starts with their UTC offset, null is not published yet."""

    def __init__(self, requests: Requests, country: str = "de") -> None:
        self._requests = requests
        self._country = country

    async def fetch(self, window: Window) -> Mix:
        """The mix of the intervals that begin in the window. Raises FeedError."""
        first, last = to_datetime(window.start_us).date(), to_datetime(window.end_us).date()
        answer = await self._requests.json(
            "/v2/public_power", country=self._country, start=first.isoformat(), end=last.isoformat()
        )
        try:
            if answer["unit"] != "MW":
                raise FeedError(f"energy-charts gives {answer['unit']}, not MW")
            minutes = int(answer["interval_minutes"])
            modes = {entry["id"]: mode for entry in answer["series"] if (mode := _mode(entry["id"])) is not None}
            values: dict[str, dict[int, float | None]] = {name: {} for name in modes}
            for row in answer["data"]:
                start_us = from_datetime(datetime.fromisoformat(row["timestamp"]))
                if start_us not in window:
                    continue
                for name in modes:
                    megawatt = row["values"].get(name)
                    values[name][start_us] = None if megawatt is None else megawatt * minutes / 60
            licence = str(answer["license"])
        except (KeyError, TypeError, ValueError) as error:
            raise FeedError(f"energy-charts answers in another shape than documented: {error!r}") from None
        mwh = combined((mode, values[name]) for name, mode in modes.items())
        return Mix("energy-charts", licence, "energy-charts.info", self._country.upper(), minutes * 60, mwh)


def _mode(name: str) -> str | None:
    key = re.sub(r"[^a-z]+", "_", name.lower()).strip("_")
    if key not in _MODES:
        raise FeedError(f"energy-charts has an unknown series {name!r}; add it to collectors/feeds/energy_charts.py")
    return _MODES[key]
