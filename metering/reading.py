"""The Reading: one value of one quantity of one device, complete and immutable from the moment it is made."""

from typing import NamedTuple

import msgspec

from metering.quality import Quality


class Series(NamedTuple):
    """What identifies a series of values: a device (or, for interval results, a meter) and a quantity."""

    device: str
    quantity: str


class Reading(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One value. ``(device, quantity, time_us)`` is its identity: writing it twice changes nothing.

    device       id of the device that measured it; for interval results the id of the meter
    quantity     a name from `metering.quantities`
    value        in the canonical unit of the quantity; always finite
    time_us      when it was true: microseconds since the Unix epoch, UTC; the start of the interval for results
    quality      see `metering.quality`
    reason       why the quality is not MEASURED, as a short key (``range``, ``backwards`` …), or ``confirmed`` where a
                 former doubt was lifted
    device_time  True if the device gave the time, False if it is the moment of receipt
    """

    device: str
    quantity: str
    value: float
    time_us: int
    quality: Quality = Quality.MEASURED
    reason: str = ""
    device_time: bool = False

    @property
    def series(self) -> Series:
        return Series(self.device, self.quantity)
