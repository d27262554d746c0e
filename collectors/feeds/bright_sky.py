"""Bright Sky: hourly observations of the Deutscher Wetterdienst as JSON; for degree days."""

from collections import defaultdict
from datetime import date, datetime, timedelta

from collectors.feeds.requests import FeedError, Requests
from metering.localtime import LocalCalendar

URL = "https://api.brightsky.dev"
ATTRIBUTION = "Deutscher Wetterdienst, via Bright Sky"
_AT_ONCE = timedelta(days=100)


class BrightSky:
    """Air temperature at a place (WGS 84 degrees)."""

    def __init__(self, requests: Requests, latitude: float, longitude: float, calendar: LocalCalendar) -> None:
        self._requests = requests
        self._place = {"lat": str(latitude), "lon": str(longitude)}
        self._calendar = calendar

    async def daily_means(self, first: date, end: date) -> dict[date, float | None]:
        """Mean temperature (°C) of each local day from ``first`` to before ``end``; None where hours are missing.

        Raises FeedError.
        """
        hours: defaultdict[date, list[float]] = defaultdict(list)
        begin = first
        while begin < end:
            until = min(begin + _AT_ONCE, end)
            answer = await self._requests.json(
                "/weather",
                date=begin.isoformat(),
                last_date=until.isoformat(),
                tz=self._calendar.zone.key,
                **self._place,
            )
            try:
                for entry in answer["weather"]:
                    day = datetime.fromisoformat(entry["timestamp"]).astimezone(self._calendar.zone).date()
                    if entry["temperature"] is not None and begin <= day < until:
                        hours[day].append(float(entry["temperature"]))
            except (KeyError, TypeError, ValueError) as error:
                raise FeedError(f"Bright Sky answers in another shape than documented: {error!r}") from None
            begin = until
        days = (first + timedelta(days=n) for n in range((end - first).days))
        return {day: self._mean(day, hours[day]) for day in days}

    def _mean(self, day: date, values: list[float]) -> float | None:
        expected = self._calendar.day(day).duration_us // 3_600_000_000
        return sum(values) / len(values) if len(values) == expected else None
