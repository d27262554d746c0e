"""SMARD, market data of the Bundesnetzagentur: actual generation, MWh per interval (openapi of bundesAPI/smard-api)."""

from collectors.feeds.generation import Mix, combined
from collectors.feeds.requests import FeedError, Requests
from metering.instant import DAY, Window

URL = "https://www.smard.de"
_FILTERS = {
    1223: "coal",  # lignite
    4069: "coal",  # hard coal
    4071: "gas",
    1227: "unknown",  # other conventional
    1224: "nuclear",
    4066: "biomass",
    1226: "hydro",
    1225: "wind",  # offshore
    4067: "wind",  # onshore
    4068: "solar",
    1228: "unknown",  # other renewable
    4070: "pumped_storage",
}
_STEPS = {"hour": 3600, "quarterhour": 900}


class Smard:
    """Blocks begin on Mondays 0:00 in Berlin; times are ms since the Unix epoch, UTC, so DST needs no care."""

    def __init__(self, requests: Requests, region: str = "DE", resolution: str = "hour") -> None:
        self._requests = requests
        self._region = region
        self._resolution = resolution

    async def fetch(self, window: Window) -> Mix:
        """The mix of the intervals that begin in the window. Raises FeedError."""
        series = [(mode, await self._series(number, window)) for number, mode in _FILTERS.items()]
        mwh = combined(series)
        return Mix("SMARD", "CC BY 4.0", "Bundesnetzagentur | SMARD.de", self._region, _STEPS[self._resolution], mwh)

    async def _series(self, number: int, window: Window) -> dict[int, float | None]:
        folder = f"/app/chart_data/{number}/{self._region}"
        found: dict[int, float | None] = {}
        try:
            index = await self._requests.json(f"{folder}/index_{self._resolution}.json")
            for block_ms in index["timestamps"]:
                if not window.start_us - 8 * DAY < block_ms * 1000 < window.end_us:
                    continue
                name = f"{number}_{self._region}_{self._resolution}_{block_ms}.json"
                block = await self._requests.json(f"{folder}/{name}")
                found |= {int(ms) * 1000: value for ms, value in block["series"] if int(ms) * 1000 in window}
        except (KeyError, TypeError, ValueError) as error:
            raise FeedError(f"SMARD's series {number} has another shape than documented: {error!r}") from None
        return found
