"""Findings in the consumption of a meter: when the score says alert, what it is, and what it costs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from analytics.alerts.alert import Evidence, Excess, Finding
from analytics.alerts.kinds import kind
from analytics.alerts.live import Sensitivities, silence_cause, stuck_cause
from analytics.alerts.sensitivity import adjusted
from analytics.alerts.wording import Wording
from analytics.anomaly.curve import LoadCurve
from analytics.anomaly.detector import KINDS as DETECTED
from analytics.anomaly.detector import NEWS, Scores, decide, rarity
from analytics.anomaly.week import Bools
from metering.estate import Meter
from metering.instant import DAY, HOUR
from metering.samples import Floats, Int64s

_LEAD_US = 12 * HOUR  # evidence before the first sign
_SHOWN = 400  # points of evidence
_OF_DEVICES = {"gap": silence_cause, "stuck": stuck_cause}  # kinds that are one cause with what the device shows
_MOSTLY = 0.5  # share of the intervals in alert


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A meter's curve with its scores, interval by interval, and the emissions of an excess in kg CO2e."""

    meter: Meter
    curve: LoadCurve
    scores: Scores
    kg_co2e: Callable[[Floats], Floats]


@dataclass(frozen=True, slots=True, eq=False)
class Limits:
    """What it takes to alert.

    budget         the false alarms per meter and month that are acceptable
    sensitivities  factors on it, as people found alerts right or wrong before
    doubtful       where the data is bad, shape (n,), or None for nowhere: what is mostly seen there is not told, except
                   that the data is bad
    """

    budget: float
    sensitivities: Sensitivities = field(default_factory=dict)
    doubtful: Bools | None = None


def findings(judged: Judged, limits: Limits, price: float | None, wording: Wording) -> Iterator[Finding]:
    """One finding for each time the meter was in alert; parts less than a day apart are one.

    ``price`` is EUR per billing unit.
    """
    factors = np.array([limits.sensitivities.get((judged.meter.id, name), 1.0) for name in DETECTED])
    alert = np.flatnonzero(decide(adjusted(judged.scores.score, factors[judged.scores.kinds]), limits.budget))
    if not len(alert):
        return
    apart = np.flatnonzero(np.diff(alert) * judged.curve.step_us > DAY)
    for rows in np.split(alert, apart + 1):
        name, worst = _named(judged.scores, int(rows[0]), int(rows[-1]) + 1, judged.curve.step_us)
        is_told = kind(name).is_data or limits.doubtful is None or limits.doubtful[rows].mean() < _MOSTLY
        if is_told:
            yield _finding(judged, (int(rows[0]), worst, int(rows[-1]) + 1), name, price, wording)


def _finding(
    judged: Judged, positions: tuple[int, int, int], name: str, price: float | None, wording: Wording
) -> Finding:
    meter, curve = judged.meter, judged.curve
    begin, _, end = positions
    excess = _excess(judged, begin, end, price) if kind(name).is_waste else None
    of_device = _OF_DEVICES.get(name)
    return Finding(
        of_device(meter.device) if of_device else f"{meter.id}:consumption",
        name,
        meter.id,
        meter.building,
        kind(name).severity,
        int(curve.start_us[begin]),
        int(curve.start_us[end - 1]) + curve.step_us,
        wording.say(f"title.{name}", name=meter.name),
        _explanation(judged, name, positions, excess, wording),
        _evidence(judged, begin, end),
        excess,
        round(float(rarity(judged.scores.score[begin:end]).max()), 3),
    )


def _named(scores: Scores, begin: int, end: int, step_us: int) -> tuple[str, int]:
    """The kind of an alert, and the position at which that was worst.

    Missing or standing still is what it was for most of the time. All else goes by the strongest signs of the last day,
    so that a strong fault is not called by the name of the weak one in which it began.
    """
    kinds = scores.kinds[begin:end]
    code = _most(kinds, np.ones(len(kinds), bool))
    if DETECTED[code] not in _OF_DEVICES:
        named = ~np.isin(kinds, [DETECTED.index(name) for name in ("", *_OF_DEVICES)])
        of_late = named & (np.arange(len(kinds)) >= len(kinds) - DAY // step_us)
        rare = np.where(of_late if of_late.any() else named, rarity(scores.score[begin:end]), 0.0)
        code = _most(kinds, rare * NEWS >= rare.max())
    worst = begin + int(np.where(kinds == code, scores.score[begin:end], -1.0).argmax())
    return DETECTED[code], worst


def _most(kinds: Int64s, among: Bools) -> int:
    return int(np.bincount(kinds[among], minlength=len(DETECTED))[1:].argmax()) + 1


def _explanation(
    judged: Judged, name: str, positions: tuple[int, int, int], excess: Excess | None, wording: Wording
) -> str:
    begin, worst, end = positions
    curve, say = judged.curve, wording.say
    since, unit = wording.moment(int(curve.start_us[begin])), judged.meter.carrier.unit
    actual, expected = float(curve.values[worst]), float(judged.scores.expected[worst])
    if name in ("gap", "negative") or not np.isfinite(actual):
        return say("explain.gap" if name != "negative" else "explain.negative", since=since)
    amount = wording.number(actual)
    if name == "stuck":
        return say("explain.stuck", since=since, actual=amount, unit=unit, step=wording.duration(curve.step_us))
    words = {
        "when": wording.weekly(int(curve.start_us[worst])),
        "duration": wording.duration((end - begin) * curve.step_us),
    }
    if 0 < 1.2 * expected <= actual <= 100 * expected:
        ratio = actual / expected
        text = say("explain.more", ratio=say.number(ratio, 1 if ratio < 10 else 0), **words)
    else:
        usual = wording.number(expected) if np.isfinite(expected) else "–"
        text = say("explain.unusual", actual=amount, expected=usual, unit=unit, **words)
    return f"{text} {_cost(excess, wording)}" if excess else text


def _cost(excess: Excess, wording: Wording) -> str:
    costs = []
    if excess.eur is not None:
        costs.append(wording.say("explain.eur", eur=wording.say.number(excess.eur, 2)))
    if excess.kg_co2e is not None:
        costs.append(wording.say("explain.kg", kg=wording.number(round(excess.kg_co2e, 1))))
    added = f" ({', '.join(costs)})" if costs else ""
    return wording.say("explain.excess", amount=wording.number(excess.amount), unit=excess.unit, costs=added)


def _excess(judged: Judged, begin: int, end: int, price: float | None) -> Excess | None:
    """What was consumed beyond the expectation while in alert; None if that is nothing."""
    beyond = np.zeros(len(judged.curve))
    beyond[begin:end] = np.nan_to_num((judged.curve.values - judged.scores.expected)[begin:end])
    amount = float(beyond.sum())
    if amount <= 0:
        return None
    kg = judged.kg_co2e(beyond)
    return Excess(
        round(amount, 6),
        judged.meter.carrier.unit,
        None if price is None else round(amount * price, 2),
        round(float(np.nansum(kg)), 3) if np.isfinite(kg[begin:end]).any() else None,
    )


def _evidence(judged: Judged, begin: int, end: int) -> Evidence:
    curve, scores = judged.curve, judged.scores
    first = max(begin - int(_LEAD_US // curve.step_us), 0)
    part = slice(first, end, max(1, -(-(end - first) // _SHOWN)))
    return Evidence(
        "consumption",
        judged.meter.carrier.unit,
        tuple(curve.start_us[part].tolist()),
        _numbers(curve.values[part]),
        _numbers(scores.expected[part]),
        _numbers(scores.lower[part]),
        _numbers(scores.upper[part]),
    )


def _numbers(values: Floats) -> tuple[float | None, ...]:
    return tuple(value if np.isfinite(value) else None for value in np.round(values, 6).tolist())
