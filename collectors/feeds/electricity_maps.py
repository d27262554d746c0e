"""Electricity Maps v3: the intensity that the vendor computed. Its past changes, so when it was updated is kept."""

from dataclasses import dataclass
from datetime import datetime

from collectors.feeds.requests import FeedError, Requests
from metering.instant import Window, from_datetime

URL = "https://api.electricitymap.org"
LICENCE = "Electricity Maps terms of service; not for redistribution"


@dataclass(frozen=True, slots=True)
class VendorIntensity:
    """Intensity of one hour, g CO2e/kWh, as the vendor gives it.

    start_us, updated_us  µs since the Unix epoch, UTC
    kind                  lifecycle or direct
    estimated             by which method, or "" if measured
    """

    start_us: int
    g_per_kwh: float
    kind: str
    estimated: str
    updated_us: int


class ElectricityMaps:
    """The last 24 hours of a zone; the header ``auth-token`` belongs to the requests."""

    def __init__(self, requests: Requests, zone: str = "DE") -> None:
        self._requests = requests
        self._zone = zone

    async def history(self, window: Window) -> list[VendorIntensity]:
        """Those hours in the window that are known. Raises FeedError."""
        answer = await self._requests.json("/v3/carbon-intensity/history", zone=self._zone)
        try:
            found = [
                VendorIntensity(
                    _instant(entry["datetime"]),
                    float(entry["carbonIntensity"]),
                    str(entry["emissionFactorType"]),
                    str(entry["estimationMethod"] or "unnamed") if entry["isEstimated"] else "",
                    _instant(entry["updatedAt"]),
                )
                for entry in answer["history"]
                if entry["carbonIntensity"] is not None
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise FeedError(f"Electricity Maps answers in another shape than documented: {error!r}") from None
        return [one for one in found if one.start_us in window]


def _instant(text: str) -> int:
    return from_datetime(datetime.fromisoformat(text))
