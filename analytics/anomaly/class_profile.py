"""What meters of a sort do over the week, for a meter that is too new to have a week of its own.

The data, class_profiles.yaml, comes from the simulated town's loads (`python -m bench.class_profiles` makes it anew):
no measured standard load profile of a third party is in it.
"""

from functools import cache
from importlib.resources import files

import numpy as np
import yaml

from metering.estate import Carrier
from metering.samples import Floats

DAY_KINDS = {"workday": 5, "saturday": 1, "sunday": 1}
"""Kinds of days in the order of a week, and how many of each it has; holidays count as Sundays."""


def class_week(carrier: Carrier, usage: str) -> Floats:
    """Shape (168,): the hours of the local week from Monday on, mean 1; of all buildings for a usage without data."""
    profiles = _profiles()[carrier.value]
    return profiles.get(usage, profiles["other"])


@cache
def _profiles() -> dict[str, dict[str, Floats]]:
    stored = yaml.safe_load(files("analytics.anomaly").joinpath("class_profiles.yaml").read_text("utf-8"))
    return {carrier: {usage: _week(days) for usage, days in usages.items()} for carrier, usages in stored.items()}


def _week(days: dict[str, list[float]]) -> Floats:
    hours: Floats = np.concatenate([np.tile(days[kind], number) for kind, number in DAY_KINDS.items()])
    mean_one: Floats = hours / hours.mean()
    return mean_one
