"""The days ahead of every meter, kept in the store as expectations of intervals that are still to come."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analytics.anomaly.class_profile import class_week
from analytics.anomaly.curve import LoadCurve
from analytics.anomaly.forecast import RECENT_US, Forecast, forecast
from analytics.anomaly.model import ExpectedModel
from analytics.anomaly.week import Week
from analytics.energy.intervals import Intervals
from analytics.update import temperature_at
from metering.estate import Meter
from metering.instant import DAY, HOUR, Window
from metering.reading import Reading
from metering.samples import Floats, Samples

HORIZON_US = 2 * DAY
_LEAST_US = 36 * HOUR
"""When less than this lies ahead, it is made anew: so the whole of tomorrow is always there."""
_ROUND = 500  # meters in one go, so that other work has not to wait


@dataclass(frozen=True, slots=True, eq=False)
class Ahead:
    """What the days ahead of a meter are told from; ``history`` ends where they begin."""

    meter: Meter
    usage: str
    model: ExpectedModel
    history: Intervals
    temperature: Samples | None

    def readings(self, week: Week) -> list[Reading]:
        """The expectations, as they are stored; none if nothing was ever measured."""
        history, step_us = self.history, self.history.step_us
        start_us = int(history.start_us[-1]) + step_us
        outlook = None
        if self.temperature is not None:
            outlook = temperature_at(
                self.temperature, np.arange(start_us, start_us + HORIZON_US, step_us, dtype=np.int64)
            )
        found = forecast(
            LoadCurve.of(history, temperature_at(self.temperature, history.start_us)),
            week,
            start_us,
            HORIZON_US,
            model=self.model,
            class_week=class_week(self.meter.carrier, self.usage),
            outlook=outlook,
        )
        return [] if found is None else list(_readings(self.meter.id, found))


def expectations(ahead: Sequence[Ahead], week: Week) -> list[Reading]:
    """The expectations for some meters, for one worker."""
    return [reading for one in ahead for reading in one.readings(week)]


class Outlook:
    """Which meters have how much ahead of them."""

    def __init__(self) -> None:
        self._until_us: dict[str, int] = {}

    def due(self, evaluated_us: Mapping[str, int], now_us: int) -> list[tuple[str, Window]]:
        """Meters whose days ahead are to be made anew, with the history they are told from; not too many at once."""
        found = [
            (meter, Window(done_us - RECENT_US, done_us))
            for meter, done_us in evaluated_us.items()
            if self._until_us.get(meter, 0) < now_us + _LEAST_US and done_us > now_us - DAY
        ]
        return found[:_ROUND]

    def made(self, meters: Sequence[tuple[str, Window]]) -> None:
        """Remember what has been stored."""
        self._until_us |= {meter: window.end_us + HORIZON_US for meter, window in meters}


def _readings(meter: str, found: Forecast) -> Iterator[Reading]:
    columns: dict[str, Floats] = {
        "expected": found.expected,
        "expected_lower": found.lower,
        "expected_upper": found.upper,
    }
    starts = found.start_us.tolist()
    for quantity, values in columns.items():
        for start_us, value in zip(starts, values.tolist(), strict=True):
            yield Reading(meter, quantity, value, start_us)
