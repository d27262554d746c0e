"""Makes analytics/anomaly/class_profiles.yaml from the simulated town: `python -m bench.class_profiles`."""

from collections import defaultdict
from pathlib import Path

import numpy as np

from analytics.anomaly import class_profile
from analytics.anomaly.week import Week
from device_sim.device import SimDevice
from device_sim.town import Town
from metering.estate import Role
from metering.instant import HOUR, parse
from metering.samples import Floats

_BEGIN = parse("2025-01-06T00:00:00Z")
_DAYS = 364
_KINDS = tuple(class_profile.DAY_KINDS)


def main() -> None:
    """Write the file."""
    town = Town(7, _BEGIN)
    week, devices = Week(), {device.id: device for device in town.devices}
    weeks: dict[str, dict[str, list[Floats]]] = defaultdict(lambda: defaultdict(list))
    for meter in town.estate.meters.values():
        if meter.role in (Role.FEED_IN, Role.GENERATION):
            continue
        usage = town.estate.buildings[meter.building].usage
        weeks[meter.carrier.value][usage].append(_week(devices[meter.device], meter.register, week))
    lines = ["# Hours of a day, mean 1 over the week. Source: the simulated town, see class_profile.py."]
    for carrier, usages in weeks.items():
        lines.append(f"{carrier}:")
        everything = [one for found in usages.values() for one in found]
        for usage, found in (*usages.items(), ("other", everything)):
            lines.append(f"  {usage}:")
            mean = np.mean(found, axis=0)
            lines += [f"    {kind}: {_listed(row)}" for kind, row in zip(_KINDS, mean, strict=True)]
    Path(class_profile.__file__).with_name("class_profiles.yaml").write_text("\n".join(lines) + "\n", "utf-8")


def _week(device: SimDevice, register: str, week: Week) -> Floats:
    """Shape (kinds of days, 24)."""
    starts = _BEGIN + np.arange(_DAYS * 24, dtype=np.int64) * HOUR
    shown = device.at(np.append(starts, starts[-1] + HOUR))[register]
    slots = week.slots(starts, HOUR).slot
    kind = np.maximum(slots // 24 - 4, 0) * 24 + slots % 24
    hours: Floats = (np.bincount(kind, np.diff(shown)) / np.bincount(kind)).reshape(-1, 24)
    counts = np.array(list(class_profile.DAY_KINDS.values()))
    return hours / float((hours.mean(axis=1) * counts).sum() / counts.sum())


def _listed(row: Floats) -> str:
    return "[" + ", ".join(f"{value:.2f}" for value in row) + "]"


if __name__ == "__main__":
    main()
