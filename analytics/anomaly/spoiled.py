"""A meter's own history with faults put into it, and what is known of each interval: the ground of all training."""

import zlib
from dataclasses import dataclass

import numpy as np

from analytics.anomaly.curve import LoadCurve
from analytics.anomaly.evidence import run_lengths
from analytics.anomaly.history import Observed, observe
from analytics.anomaly.inject import FAULTS, Injection, inject
from analytics.anomaly.week import Bools, Week
from metering.estate import Carrier
from metering.instant import DAY, HOUR
from metering.samples import Int64s

UNKNOWN = -1
_BEGIN_DAYS = 30
_SHORT = ("stuck", "spike", "backwards", "unit")


@dataclass(frozen=True, slots=True, eq=False)
class TrainingMeter:
    """A meter with a history that is mostly sound. ``id`` decides its fold and its faults."""

    id: str
    curve: LoadCurve
    carrier: Carrier


def spoiled(week: Week, meter: TrainingMeter, seed: int) -> tuple[Observed, Int64s]:
    """The spoiled history as it was seen, and what each interval is: 0 normal, 1 … a fault, `UNKNOWN`.

    Every other time the first half stays sound, as the history of most meters is.
    """
    curve = meter.curve
    day = max(DAY // curve.step_us, 1)
    begin = len(curve) // 2 if seed % 2 == 0 else _BEGIN_DAYS * day
    faulty, faults = inject(week, curve, meter.carrier, Injection((seed, zlib.crc32(meter.id.encode())), begin))
    kind = np.where(broken(curve, meter.carrier), UNKNOWN, 0)
    kind[: max(begin - 60 * day, 28 * day)] = UNKNOWN
    for fault in faults:
        after = slice(fault.end, fault.end + day // 2)  # what follows a fault is neither fault nor normal
        kind[after] = np.where(kind[after] == 0, UNKNOWN, kind[after])
        kind[fault.begin : fault.end] = FAULTS.index(fault.kind) + 1
    return observe(week, faulty, meter.carrier), kind


def broken(curve: LoadCurve, carrier: Carrier) -> Bools:
    """Intervals in which the history itself is broken: missing, or standing still for long."""
    values = curve.values
    runs = run_lengths(np.concatenate((np.zeros(1, bool), values[1:] == values[:-1])))
    ends = np.flatnonzero(np.concatenate((runs[1:] == 1, np.ones(1, bool))))
    hours = runs[ends][np.searchsorted(ends, np.arange(len(values)))] * (curve.step_us / HOUR)
    still = (values != 0) & (hours >= 24)
    if carrier is Carrier.ELECTRICITY:
        still |= (values == 0) & (hours >= 3)
    bad: Bools = still | ~np.isfinite(values)
    return bad


def drawn(meter: TrainingMeter, kind: Int64s, seed: int, hours_a_row: float) -> Bools:
    """A choice of the known intervals: one in so many hours, and a fifth of those with short faults, which are few."""
    draw = np.random.default_rng((seed, zlib.crc32(meter.id.encode()), 1)).random(len(kind))
    short = np.isin(kind, [FAULTS.index(name) + 1 for name in _SHORT])
    chosen: Bools = (kind != UNKNOWN) & (draw < np.where(short, 0.2, meter.curve.step_us / HOUR / hours_a_row))
    return chosen
