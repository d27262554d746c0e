"""Faults put into the history of a meter, for a classifier to learn from: what they look like is our own judgement.

Every utility has clean history of its own meters and few labels; so the labels are made. Seeded: the same curve, seed
and options give the same faults. Strengths and durations are drawn on logarithmic scales, wide on purpose.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from analytics.anomaly.curve import LoadCurve
from analytics.anomaly.week import Bools, Week, WeekSlots
from metering.estate import Carrier
from metering.instant import HOUR
from metering.samples import Floats

_YEAR_H = 8766  # hours


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault at positions ``begin`` to before ``end``."""

    kind: str
    begin: int
    end: int


@dataclass(frozen=True, slots=True, eq=False)
class _Ground:
    """The clean curve, its calendar and its scales."""

    values: Floats
    slots: WeekSlots
    per_hour: float
    mean: float
    range: float
    idle: float

    @classmethod
    def of(cls, curve: LoadCurve, slots: WeekSlots) -> "_Ground":
        known = curve.values[np.isfinite(curve.values)]
        idle = curve.values[slots.off & np.isfinite(curve.values)]
        low, high = np.quantile(known, (0.02, 0.995))
        return cls(
            curve.values,
            slots,
            HOUR / curve.step_us,
            float(known.mean()),
            float(high - low),
            float(np.median(idle)) if len(idle) else 0.0,
        )


_Spoil = Callable[[_Ground, slice, np.random.Generator], Floats | None]
"""New values of a part of the curve, or None where the fault cannot be."""


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    """Drawn evenly on a logarithmic scale."""
    return math.exp(rng.uniform(math.log(low), math.log(high)))


def _stuck(ground: _Ground, at: slice, _rng: np.random.Generator) -> Floats | None:
    part = ground.values[at]
    if part[0] <= 0 or part.std() < 0.02 * ground.mean:
        return None
    return np.full(len(part), part[0])


def _spike(ground: _Ground, at: slice, rng: np.random.Generator) -> Floats | None:
    return ground.values[at] + _between(rng, 0.5, 12.0) * ground.range


def _gap(_ground: _Ground, at: slice, _rng: np.random.Generator) -> Floats | None:
    return np.full(at.stop - at.start, np.nan)


def _backwards(ground: _Ground, at: slice, rng: np.random.Generator) -> Floats | None:
    """The register begins anew: what it had counted is missing."""
    return ground.values[at] - _between(rng, 0.005, 10.0) * ground.mean * _YEAR_H * ground.per_hour


def _unit(ground: _Ground, at: slice, rng: np.random.Generator) -> Floats | None:
    factor = float(rng.choice([1e3, 1e3, 1e3, 100.0, 10.0, 3.6]))
    return ground.values[at] * (factor if rng.random() < 0.5 else 1 / factor)


def _clock(ground: _Ground, at: slice, rng: np.random.Generator) -> Floats | None:
    """An hour is the most frequent: summer time."""
    hours = float(rng.choice([1, 1, 1, 2, 2, 3, 4, 6, 8, 10, 12])) * (1 if rng.random() < 0.5 else -1)
    shift = round(hours * ground.per_hour)
    if at.start - shift < 0 or at.stop - shift > len(ground.values):
        return None
    return ground.values[at.start - shift : at.stop - shift].copy()


def _base_load(ground: _Ground, at: slice, rng: np.random.Generator) -> Floats | None:
    """Something runs on at nights and weekends, or round the clock on some of the days."""
    if ground.idle < 0.05 * ground.mean:
        return None
    return ground.values[at] + np.where(ground.slots.off[at], _between(rng, 0.13, 1.2) * ground.idle, 0.0)


def _leak(ground: _Ground, at: slice, rng: np.random.Generator) -> Floats | None:
    length = at.stop - at.start
    shape = np.linspace(rng.uniform(0.1, 0.8), 1.0, length) if rng.random() < 0.4 else np.ones(length)
    return ground.values[at] + _between(rng, 0.09, 2.0) * ground.mean * shape


def _drift(ground: _Ground, at: slice, rng: np.random.Generator) -> Floats | None:
    end = _between(rng, 0.09, 0.7) * (1 if rng.random() < 0.5 else -1)
    return ground.values[at] * (1 + end * np.linspace(0.0, 1.0, at.stop - at.start))


def _phase_loss(ground: _Ground, at: slice, rng: np.random.Generator) -> Floats | None:
    """One or two of three phases, more or less evenly loaded."""
    return ground.values[at] * float(rng.choice([2 / 3, 1 / 3, rng.uniform(0.25, 0.85)], p=[0.4, 0.2, 0.4]))


def _weekend(ground: _Ground, at: slice, rng: np.random.Generator) -> Floats | None:
    """A weekend that is run like the working days before it."""
    day = round(24 * ground.per_hour)
    if at.start < 3 * day:
        return None
    before = ground.values[at.start - 3 * day : at.start - day][: at.stop - at.start]
    part = ground.values[at]
    return part + rng.uniform(0.35, 1.0) * np.maximum(before - part, 0.0)


@dataclass(frozen=True, slots=True)
class _Kind:
    spoil: _Spoil
    hours: tuple[float, float]  # least and greatest duration
    carriers: str = "electricity heat gas water"


_KINDS: Mapping[str, _Kind] = MappingProxyType(
    {
        "stuck": _Kind(_stuck, (5, 120)),
        "spike": _Kind(_spike, (0.2, 3)),
        "gap": _Kind(_gap, (1.5, 110)),
        "backwards": _Kind(_backwards, (0, 0)),
        "unit": _Kind(_unit, (0.8, 80)),
        "clock": _Kind(_clock, (90, 380)),
        "base_load": _Kind(_base_load, (120, 560), "electricity heat gas"),
        "leak": _Kind(_leak, (40, 280), "water"),
        "drift": _Kind(_drift, (280, 720), "electricity heat gas"),
        "phase_loss": _Kind(_phase_loss, (40, 280), "electricity"),
        "weekend": _Kind(_weekend, (48, 48), "electricity heat gas"),
    }
)


FAULTS = tuple(_KINDS)


@dataclass(frozen=True, slots=True)
class Injection:
    """Which faults: drawn with ``seed``, about ``a_year`` of them a year, from position ``begin`` on."""

    seed: tuple[int, ...]
    begin: int = 0
    a_year: float = 16.0


def inject(week: Week, curve: LoadCurve, carrier: Carrier, how: Injection) -> tuple[LoadCurve, list[Fault]]:
    """The curve with faults, of which none touches another or a gap."""
    rng = np.random.default_rng(how.seed)
    slots = week.slots(curve.start_us, curve.step_us)
    ground, values = _Ground.of(curve, slots), curve.values.copy()
    taken = ~np.isfinite(curve.values)
    taken[: how.begin] = True
    around = round(_between(rng, 36, 120) * ground.per_hour)
    faults = []
    for name in _deck(ground, carrier, how, rng):
        for _ in range(60):
            at = _place(name, ground, taken, rng)
            spoiled = _KINDS[name].spoil(ground, at, rng) if at is not None else None
            if at is None or spoiled is None or not _visible(name, spoiled, ground, at):
                continue
            values[at] = spoiled
            taken[max(at.start - around, 0) : at.stop + around] = True
            faults.append(Fault(name, at.start, at.stop))
            break
    return curve.with_values(values), sorted(faults, key=lambda fault: fault.begin)


def _deck(ground: _Ground, carrier: Carrier, how: Injection, rng: np.random.Generator) -> list[str]:
    """The kinds to place, all equally often; long ones first, for they find room only early."""
    kinds = [name for name, kind in _KINDS.items() if carrier in kind.carriers]
    if carrier is Carrier.WATER:
        kinds.append("leak")
    years = (len(ground.values) - how.begin) / (_YEAR_H * ground.per_hour)
    wanted = max(1, round(how.a_year * years))
    deck = [str(name) for _ in range(-(-wanted // len(kinds))) for name in rng.permutation(kinds)][:wanted]
    return sorted(deck, key=lambda name: -_KINDS[name].hours[1])


def _visible(name: str, spoiled: Floats, ground: _Ground, at: slice) -> bool:
    """A fault that changes next to nothing teaches nothing."""
    if name == "gap":
        return True
    return bool(np.isfinite(spoiled).all() and np.abs(spoiled - ground.values[at]).mean() > 0.025 * ground.mean)


def _place(name: str, ground: _Ground, taken: Bools, rng: np.random.Generator) -> slice | None:
    """Where there is room for the fault, if chance finds any."""
    low, high = _KINDS[name].hours
    length = max(1, round((_between(rng, low, high) if high else 0) * ground.per_hour))
    last = len(taken) - length
    if last <= 0:
        return None
    start = int(rng.integers(0, last))
    if name == "weekend":
        saturdays = np.flatnonzero(ground.slots.slot[:last] == 5 * (ground.slots.count // 7))
        if not len(saturdays):
            return None
        start = int(rng.choice(saturdays))
    return None if taken[start : start + length].any() else slice(start, start + length)
