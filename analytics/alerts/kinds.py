"""The kinds of alerts. Their words are in texts.yaml beside this file; `kind` is how to ask for one."""

from collections.abc import Mapping
from typing import NamedTuple

from metering.event import Severity


class Kind(NamedTuple):
    """How much it matters, whether what is consumed beyond the expected is waste, and whether the data itself is bad.

    Findings that the data is bad are told even where the data is; all others say nothing then.
    """

    severity: Severity = Severity.WARNING
    is_waste: bool = False
    is_data: bool = False


KINDS: Mapping[str, Kind] = {
    # of devices and their readings
    "gateway_down": Kind(Severity.CRITICAL, is_data=True),
    "silent_many": Kind(Severity.CRITICAL, is_data=True),
    "silent_building": Kind(Severity.CRITICAL, is_data=True),
    "silent": Kind(is_data=True),
    "stuck": Kind(is_data=True),
    "backwards": Kind(is_data=True),
    "jump": Kind(is_data=True),
    "range": Kind(is_data=True),
    "doubted": Kind(Severity.INFO, is_data=True),
    # of consumption
    "gap": Kind(is_data=True),
    "negative": Kind(is_data=True),
    "unit": Kind(is_data=True),
    "clock": Kind(is_data=True),
    "spike": Kind(Severity.INFO, is_waste=True),
    "drop": Kind(Severity.INFO),
    "high": Kind(is_waste=True),
    "low": Kind(),
    "leak": Kind(Severity.CRITICAL, is_waste=True),
    "base_load": Kind(is_waste=True),
    "weekend": Kind(is_waste=True),
    "drift": Kind(is_waste=True),
    "phase_loss": Kind(),
    # of several series together
    "balance": Kind(),
    "pv_low": Kind(),
    "peak_power": Kind(),
    "summer_heat": Kind(),
    "heat_and_cool": Kind(),
}


def kind(key: str) -> Kind:
    """What is known of a kind; a warning if that is nothing."""
    return KINDS.get(key, Kind())
