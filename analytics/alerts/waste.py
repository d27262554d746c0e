"""Findings in the consumption of a meter: when the score says alert, what it is, and what it costs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from analytics.alerts.alert import Evidence, Excess, Finding
from analytics.alerts.kinds import kind
from analytics.alerts.live import Sensitivities
from analytics.alerts.sensitivity import adjusted
from analytics.alerts.signs import MADE, Alarm, Sign, of_its_role, signs
from analytics.alerts.wording import Wording
from analytics.anomaly.curve import LoadCurve
from analytics.anomaly.detector import Scores, decide, of_rules, rarity
from analytics.anomaly.naming import KINDS as DETECTED
from analytics.anomaly.week import Bools
from metering.estate import Meter
from metering.instant import HOUR
from metering.samples import Floats

_LEAD_US = 12 * HOUR  # evidence before the first sign
_SHOWN = 400  # points of evidence
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
    """One finding for each of the `signs` of the meter in alert; ``price`` is EUR per billing unit."""
    meter, curve, scores = judged.meter, judged.curve, of_its_role(judged.scores, judged.curve, judged.meter)
    factors = np.array([limits.sensitivities.get((meter.id, name), 1.0) for name in DETECTED])[scores.kinds]

    def decided(score: Floats) -> Bools:
        return decide(adjusted(score, factors), limits.budget)

    holds = decided(scores.score)
    alarm = Alarm(holds, {name: holds & decided(score) for name, score in of_rules(scores).items()})
    for sign in signs(meter, curve, scores, alarm):
        part = slice(sign.begin, sign.end)
        doubtful = limits.doubtful[part][holds[part]] if limits.doubtful is not None else np.zeros(1, bool)
        if kind(sign.kind).is_data or doubtful.mean() < _MOSTLY:
            yield _finding(judged, sign, price, wording)


def _finding(judged: Judged, sign: Sign, price: float | None, wording: Wording) -> Finding:
    meter, curve = judged.meter, judged.curve
    begin, end = sign.begin, sign.end
    is_waste = kind(sign.kind).is_waste and meter.role not in MADE
    excess = _excess(judged, begin, end, price) if is_waste else None
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


def _explanation(judged: Judged, sign: Sign, excess: Excess | None, wording: Wording) -> str:
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
