"""ENTSO-E transparency platform, document A75: actual generation per type, mean MW per interval."""

from datetime import datetime, timedelta
from xml.etree import ElementTree as ET

from collectors.feeds.generation import Mix, combined
from collectors.feeds.requests import FeedError, Requests
from metering.instant import MINUTE, Window, from_datetime, to_datetime

URL = "https://web-api.tp.entsoe.eu"
GERMANY = "10Y1001A1001A83F"
_MODES = {
    "B01": "biomass", "B02": "coal", "B03": "gas", "B04": "gas", "B05": "coal", "B06": "oil", "B07": "coal",
    "B08": "coal", "B09": "geothermal", "B10": "pumped_storage", "B11": "hydro", "B12": "hydro", "B13": "unknown",
    "B14": "nuclear", "B15": "unknown", "B16": "solar", "B17": "biomass", "B18": "wind", "B19": "wind",
    "B20": "unknown", "B25": "pumped_storage",
}  # fmt: skip
_STEPS = {"PT15M": 15, "PT30M": 30, "PT60M": 60}
_YEAR = timedelta(days=365)


class EntsoE:
    """At most a year a request. A time series with an out-domain is consumption (pumping), and no generation."""

    def __init__(self, requests: Requests, token: str, domain: str = GERMANY) -> None:
        self._requests = requests
        self._token = token
        self._domain = domain

    async def fetch(self, window: Window) -> Mix:
        """The mix of the intervals that begin in the window. Raises FeedError."""
        series: dict[str, dict[int, float | None]] = {}
        steps: set[int] = set()
        begin, end = to_datetime(window.start_us), to_datetime(window.end_us)
        while begin < end:
            until = min(begin + _YEAR, end)
            answer = await self._requests.get(
                "/api",
                securityToken=self._token,
                documentType="A75",
                processType="A16",
                in_Domain=self._domain,
                periodStart=f"{begin:%Y%m%d%H%M}",
                periodEnd=f"{until:%Y%m%d%H%M}",
            )
            steps |= read(answer.content, window, series)
            begin = until
        if len(steps) > 1:
            raise FeedError(f"ENTSO-E mixes intervals of {sorted(steps)} minutes; ask for a shorter period")
        mwh = combined((_MODES[kind], values) for kind, values in series.items())
        licence = "ENTSO-E transparency platform, general terms: free re-use with attribution"
        return Mix("ENTSO-E", licence, "ENTSO-E Transparency Platform", self._domain, 60 * (steps or {60}).pop(), mwh)


def read(document: bytes, window: Window, found: dict[str, dict[int, float | None]]) -> set[int]:
    """Add the generation (MWh by psrType and interval) in the document; returns the interval lengths in minutes.

    curveType A03 gives a value only where it changes: it is repeated up to the next one, or to the end of the period.
    """
    try:
        root = ET.fromstring(document)  # noqa: S314 - from ENTSO-E over TLS; expat bounds entities itself
        space = {"e": root.tag[1:].partition("}")[0]}
        if not root.tag.endswith("GL_MarketDocument"):
            reason = root.findtext(".//e:Reason/e:text", "no reason given", space)
            raise FeedError(f"ENTSO-E has no data: {reason.strip()}")
        steps = set()
        for series in root.iterfind("e:TimeSeries", space):
            if series.find("e:outBiddingZone_Domain.mRID", space) is not None:
                continue
            kind = series.findtext("e:MktPSRType/e:psrType", "", space)
            if kind not in _MODES:
                raise FeedError(f"ENTSO-E has an unknown type {kind!r}; add it to collectors/feeds/entsoe.py")
            repeats = series.findtext("e:curveType", "A01", space) == "A03"
            for period in series.iterfind("e:Period", space):
                steps.add(_period(period, space, window, found.setdefault(kind, {}), repeats=repeats))
    except (ET.ParseError, KeyError, TypeError, ValueError) as error:
        raise FeedError(f"ENTSO-E answers in another shape than documented: {error!r}") from None
    return steps


def _period(
    period: ET.Element,
    space: dict[str, str],
    window: Window,
    found: dict[int, float | None],
    *,
    repeats: bool,
) -> int:
    minutes = _STEPS[period.findtext("e:resolution", "", space)]
    start_us, end_us = (
        from_datetime(datetime.fromisoformat(period.findtext(f"e:timeInterval/e:{edge}", "", space)))
        for edge in ("start", "end")
    )
    given = {
        int(point.findtext("e:position", "", space)): float(point.findtext("e:quantity", "", space))
        for point in period.iterfind("e:Point", space)
    }
    value: float | None = None
    for position in range(1, (end_us - start_us) // (minutes * MINUTE) + 1):
        value = given.get(position, value if repeats else None)
        at = start_us + (position - 1) * minutes * MINUTE
        if at in window:
            found[at] = None if value is None else value * minutes / 60
    return minutes
