"""How the first judgement went over the last two weeks: what the second one looks at, so that a score holds as long as
a fault does. Causal; looks back two weeks, and a day for the mean at their begin.
"""

import numpy as np
from numpy.typing import NDArray

from analytics.anomaly.model import trailing_greatest, trailing_mean
from metering.instant import DAY, HOUR
from metering.samples import Floats

LEAD_IN_US = 15 * DAY
"""How much earlier the longest of the columns looks back."""
_MEANS_H = (6, 24, 72, 168, 336)
_SHARES_H = (48, 168, 336)
_GREATEST_H = (12, 24, 72, 168)
_LOUDEST_H = (6, 24, 72)
_DAYS_H = (48, 168, 336)
_FLATTEST_H = (72, 336)
WIDTH = 2 + len(_MEANS_H) + len(_SHARES_H) + len(_GREATEST_H) + len(_LOUDEST_H) + len(_DAYS_H) + 3 + len(_FLATTEST_H)
"""How many columns there are."""


def course(log_odds: Floats, loudest: Floats, step_us: int) -> NDArray[np.float32]:
    """Columns for `trees`, shape (n, WIDTH), from the first log-odds and the loudest single statistics, both (n,)."""

    def span(hours: float) -> int:
        return max(round(hours * HOUR / step_us), 1)

    def mean(values: Floats, hours: float) -> Floats:
        return trailing_mean(values, span(hours), 0.0)

    odds, loud = np.clip(log_odds, -6.0, 6.0).astype(np.float64), np.maximum(loudest, -3.0)
    share: Floats = 1 / (1 + np.exp(-odds))
    means = {hours: mean(odds, hours) for hours in _MEANS_H}
    columns = [
        odds + 0.5 * np.maximum(loud, 0.0),
        loud,
        *means.values(),
        *(mean(share, hours) for hours in _SHARES_H),
        *(trailing_greatest(odds, span(hours)) for hours in _GREATEST_H),
        *(trailing_greatest(loud, span(hours)) for hours in _LOUDEST_H),
        *(trailing_greatest(means[24], span(hours)) for hours in _DAYS_H),
        means[24] - _back(means[72], span(48)),
        means[72] - _back(means[168], span(168)),
        means[168] - _back(means[168], span(168)),
        *(-trailing_greatest(-means[24], span(hours)) for hours in _FLATTEST_H),
    ]
    found = np.empty((len(columns), len(odds)), np.float32)
    for row, values in zip(found, columns, strict=True):
        row[:] = values
    return found.T


def _back(values: Floats, lag: int) -> Floats:
    """The values ``lag`` intervals ago; NaN before the first."""
    lag = min(lag, len(values))
    return np.concatenate((np.full(lag, np.nan), values[: len(values) - lag]))
