"""Emissions by an intensity that changes within the day (a decision aid; yearly reports use yearly factors)."""

import numpy as np

from metering.samples import Floats


def hourly_emissions(consumption: Floats, intensity_g_per_kwh: Floats) -> Floats:
    """Emissions of each interval, kg, shape (n,), from kWh and g/kWh of the same; NaN where either is unknown.

    Raises ValueError for arrays of different length.
    """
    if consumption.shape != intensity_g_per_kwh.shape:
        raise ValueError(f"{len(consumption)} intervals of consumption, {len(intensity_g_per_kwh)} of intensity")
    return np.asarray(consumption * intensity_g_per_kwh / 1000.0, np.float64)


def weighted_intensity(consumption: Floats, intensity_g_per_kwh: Floats) -> float:
    """The intensity of what was consumed, g/kWh, over the intervals where both are known; NaN if nothing was consumed.

    The plain mean of the intensities is another number, and the wrong one.
    """
    kg = hourly_emissions(consumption, intensity_g_per_kwh)
    known = np.isfinite(kg)
    kwh = consumption[known].sum()
    return float(kg[known].sum() * 1000.0 / kwh) if kwh else float("nan")
