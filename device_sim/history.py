"""A device's past as readings, as if somebody had been listening all along."""

from itertools import repeat

import numpy as np

from device_sim.device import MqttLink, SimDevice
from metering.instant import Window
from metering.quality import Quality
from metering.reading import Reading

_TELL_THE_TIME = {"tasmota", "shelly_gen2", "zigbee2mqtt"}


def readings(device: SimDevice, window: Window, step_us: int) -> list[Reading]:
    """What the device shows at every multiple of ``step_us`` in the window, quantity by quantity in ascending time.

    Values it would not give are left out. Raises ValueError for a step of 0 or less.
    """
    if step_us <= 0:
        raise ValueError(f"a history needs a step over 0, not {step_us} µs")
    first = -(-window.start_us // step_us) * step_us
    times_us = np.arange(first, window.end_us, step_us, dtype=np.int64)
    if not len(times_us):
        return []
    device_time = tells_the_time(device)
    found: list[Reading] = []
    for quantity, values in device.at(times_us).items():
        known = np.isfinite(values)
        found.extend(
            map(
                Reading,
                repeat(device.id),
                repeat(quantity),
                values[known].tolist(),
                times_us[known].tolist(),
                repeat(Quality.MEASURED),
                repeat(""),
                repeat(device_time),
            )
        )
    return found


def tells_the_time(device: SimDevice) -> bool:
    """Whether its messages say when their values were true."""
    link = device.link
    return isinstance(link, MqttLink) and (link.format in _TELL_THE_TIME or "time" in link.options)
