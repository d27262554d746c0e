"""Power above what is contracted."""

import numpy as np

from analytics.checks.sign import Sign
from metering.instant import HOUR
from metering.samples import Floats


def above_contract(consumption: Floats, step_us: int, contracted_kw: float) -> Sign:
    """Intervals whose mean power, in kW, is above the contracted one; consumption in kWh, shape (n,)."""
    power = consumption * HOUR / step_us
    return Sign(power > contracted_kw, power, np.full(len(power), contracted_kw))
