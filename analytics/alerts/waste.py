"""Findings in the consumption of a meter: when the score says alert, what it is, and what it costs."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from analytics.alerts.alert import Evidence, Excess, Finding
from analytics.alerts.kinds import kind
from analytics.alerts.live import Sensitivities, silence_cause, stuck_cause
from analytics.alerts.sensitivity import adjusted
from analytics.alerts.wording import Wording
from analytics.anomaly.curve import LoadCurve
from analytics.anomaly.detector import KINDS as DETECTED
from analytics.anomaly.detector import NEWS, Scores, decide, of_rules, rarity
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


class _Sign(NamedTuple):
    """What was in alert: its cause and kind, and the positions of its begin, its worst and its end."""

    cause: str
    kind: str
    begin: int
    worst: int
    end: int


def findings(judged: Judged, limits: Limits, price: float | None, wording: Wording) -> Iterator[Finding]:
    """One finding for each time the meter was in alert, and one for each fault that a rule finds later within it.

    Parts less than a day apart are one. ``price`` is EUR per billing unit.
    """
    factors = np.array([limits.sensitivities.get((judged.meter.id, name), 1.0) for name in DETECTED])
    factor = factors[judged.scores.kinds]
    alert = decide(adjusted(judged.scores.score, factor), limits.budget)
    by_rule = {
        name: alert & decide(adjusted(score, factor), limits.budget) for name, score in of_rules(judged.scores).items()
    }
    for rows in _apart(np.flatnonzero(alert), judged.curve.step_us):
        for sign in _signs(judged, by_rule, int(rows[0]), int(rows[-1]) + 1):
            is_data = kind(sign.kind).is_data
            if is_data or limits.doubtful is None or limits.doubtful[rows].mean() < _MOSTLY:
                yield _finding(judged, sign, price, wording)


def _signs(judged: Judged, by_rule: Mapping[str, Bools], begin: int, end: int) -> Iterator[_Sign]:
    """What an alert is, and what rules find in it that it is not."""
    meter, step_us = judged.meter, judged.curve.step_us
    kinds, score = judged.scores.kinds[begin:end].copy(), judged.scores.score[begin:end]
    mostly = DETECTED[_most(kinds, np.ones(len(kinds), bool))]
    within = []
    for name, holds in by_rule.items():
        parts = _apart(np.flatnonzero(holds[begin:end]), step_us) if name != mostly else []
        for part in (part for part in parts if part[0] > 0):  # it was told as something else before
            kinds[part] = 0
            cause = _cause(meter, name) or f"{meter.id}:{name}"
            within.append(_Sign(cause, name, begin + int(part[0]), begin + int(part[-1]), begin + int(part[-1]) + 1))
    name, worst = _named(kinds, score, step_us)
    yield _Sign(_cause(meter, name) or f"{meter.id}:consumption", name, begin, begin + worst, end)
    yield from within


def _cause(meter: Meter, name: str) -> str | None:
    """The cause of a kind that the device shows, too."""
    return _OF_DEVICES[name](meter.device) if name in _OF_DEVICES else None


def _apart(rows: Int64s, step_us: int) -> list[Int64s]:
    """Rising positions, in parts more than a day apart."""
    return np.split(rows, np.flatnonzero(np.diff(rows) * step_us > DAY) + 1) if len(rows) else []


def _finding(judged: Judged, sign: _Sign, price: float | None, wording: Wording) -> Finding:
    meter, curve = judged.meter, judged.curve
    begin, end = sign.begin, sign.end
    excess = _excess(judged, begin, end, price) if kind(sign.kind).is_waste else None
    return Finding(
        sign.cause,
        sign.kind,
        meter.id,
        meter.building,
        kind(sign.kind).severity,
        int(curve.start_us[begin]),
        int(curve.start_us[end - 1]) + curve.step_us,
        wording.say(f"title.{sign.kind}", name=meter.name),
        _explanation(judged, sign, excess, wording),
        _evidence(judged, begin, end),
        excess,
        round(float(rarity(judged.scores.score[begin:end]).max()), 3),
    )


def _named(kinds: Int64s, score: Floats, step_us: int) -> tuple[str, int]:
    """The kind of an alert, and the position at which that was worst.

    Missing or standing still is what it was for most of the time. All else goes by the strongest signs of the last day,
    so that a strong fault is not called by the name of the weak one in which it began.
    """
    code = _most(kinds, np.ones(len(kinds), bool))
    if DETECTED[code] not in _OF_DEVICES:
        named = ~np.isin(kinds, [DETECTED.index(name) for name in ("", *_OF_DEVICES)])
        of_late = named & (np.arange(len(kinds)) >= len(kinds) - DAY // step_us)
        rare = np.where(of_late if of_late.any() else named, rarity(score), 0.0)
        code = _most(kinds, rare * NEWS >= rare.max())
    return DETECTED[code], int(np.where(kinds == code, score, -1.0).argmax())


def _most(kinds: Int64s, among: Bools) -> int:
    return int(np.bincount(kinds[among], minlength=len(DETECTED))[1:].argmax()) + 1


def _explanation(judged: Judged, sign: _Sign, excess: Excess | None, wording: Wording) -> str:
    _, name, begin, worst, end = sign
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
