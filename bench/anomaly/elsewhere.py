"""``python -m bench.anomaly.elsewhere``: faults that no injector made, at the default budget; prints tables.

The simulated town loses strings and phases, leaks and leaves its fans on (town.yaml): there the *thing* is at fault,
and the registers show it as they show everything. And two series of the Numenta Anomaly Benchmark, with its windows.
"""

import asyncio
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from analytics.anomaly.curve import LoadCurve
from analytics.anomaly.detect_file import DetectOptions, on_grid
from analytics.anomaly.detector import Scores, told
from analytics.anomaly.history import score
from analytics.anomaly.seriesfile import read
from analytics.anomaly.week import Bools, Week
from analytics.energy.consumption import consumption
from bench.anomaly.called import called, meter
from bench.anomaly.dataset import ANOMALY
from bench.anomaly.running import checked, in_words, live_alerts, of_fault
from device_sim.device import SimDevice
from device_sim.faults.scenario import Truth, load_scenario
from device_sim.town import Town
from metering.estate import Carrier, Meter
from metering.instant import DAY, HOUR, QUARTER_HOUR, Window, parse
from metering.samples import Floats, Int64s, Samples

_NOW = parse("2026-07-20T00:00:00Z")  # a Monday
_DAYS = 210
_LATE_US = 2 * HOUR
_AFTER_US = DAY
_MONTH_US = 730.5 * HOUR
_BUDGET = DetectOptions().alarm_budget


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A meter with what was said of it; ``told``: the first day of every alert."""

    meter: Meter
    curve: LoadCurve
    scores: Scores
    told: Bools

    @classmethod
    def of(cls, meter: Meter, curve: LoadCurve, scores: Scores) -> "Judged":
        return cls(meter, curve, scores, told(scores, curve.step_us, _BUDGET))

    def first(self, window: Window) -> int | None:
        """The first interval of the window that is told of."""
        start = self.curve.start_us
        rows = np.flatnonzero(self.told & (start >= window.start_us) & (start <= window.end_us + _LATE_US))
        return int(rows[0]) if len(rows) else None

    def kind(self, position: int) -> str:
        """What the running system calls it a day after it was told."""
        end = min(position + max(DAY // self.curve.step_us, 1), len(self.curve))
        return ", ".join(called(self.meter, self.curve, self.scores, _BUDGET, (position, end)))

    def false_alarms(self, faults: list[Window], since_us: int) -> list[int]:
        """Where alerts begin that none of the faults explains."""
        start = self.curve.start_us
        quiet = start >= since_us
        for fault in faults:
            quiet &= (start < fault.start_us) | (start > fault.end_us + _AFTER_US)
        rows = np.flatnonzero(self.told & quiet)
        apart = np.diff(rows, prepend=-len(start)) * self.curve.step_us > DAY
        return [int(row) for row in rows[apart]]


def town() -> None:
    """What is found of the faults in town.yaml, one line a fault, and what is told where nothing is wrong."""
    start_us = _NOW - _DAYS * DAY
    scenario = load_scenario(str(Path(__file__).with_name("town.yaml")))
    simulated = Town(7, start_us, scenario.place(_NOW))
    devices = {device.id: device for device in simulated.devices}
    outdoor = devices["weather"].at(np.arange(start_us, _NOW, QUARTER_HOUR, dtype=np.int64))["outdoor_temperature"]
    week = Week()
    judged = {}
    for each in simulated.estate.meters.values():
        if each.formula is None:
            curve = _curve(each, devices[each.device], outdoor)
            judged[each.id] = Judged.of(each, curve, score(week, curve, each.carrier))
    truths = simulated.truth()
    curves = [(one.meter, one.curve) for one in judged.values()]
    checks = asyncio.run(checked(curves, devices["weather"], simulated.estate, _NOW))
    print("| fault | at | found | called | after, h | other checks |\n| --- | --- | --- | --- | --- | --- |")
    for truth in truths:
        window = _window(truth)
        meters = [judged[id_] for id_ in truth.meters if id_ in judged]
        found = [(one.curve.start_us[row], row, one) for one in meters if (row := one.first(window)) is not None]
        strength = ", ".join(f"{key} {value}" for key, value in truth.parameters.items())
        said = f"| {truth.kind} {strength}".strip() + f" | {truth.load or truth.device}"
        live = live_alerts(devices[truth.device], simulated.estate, window.start_us)
        beside = in_words([*live, *of_fault(truth, window, checks, simulated.estate)])
        if found:
            at_us, row, one = min(found, key=lambda first: first[0])
            after = f"{(at_us - window.start_us) / HOUR:.1f}"
            print(f"{said} | {one.meter.id} | {one.kind(row)} | {after} | {beside} |")
        else:
            print(f"{said} | no | – | – | {beside} |")
    since_us = _NOW - 60 * DAY
    alarms = 0
    for one in judged.values():
        wrong = [_window(truth) for truth in truths if one.meter.id in truth.meters]
        for row in one.false_alarms(wrong, since_us):
            alarms += 1
            print(f"false alarm: {one.meter.id} {np.datetime64(int(one.curve.start_us[row]), 'us')} {one.kind(row)}")
    months = len(judged) * (_NOW - since_us) / _MONTH_US
    print(f"{alarms} false alarms of {len(judged)} meters, {alarms / months:.2f} per meter and month")


def _window(truth: Truth) -> Window:
    start_us = parse(truth.start)
    return Window(start_us, parse(truth.end) if truth.end else start_us + DAY)


def _curve(meter: Meter, device: SimDevice, outdoor: Floats) -> LoadCurve:
    times: Int64s = np.arange(_NOW - _DAYS * DAY, _NOW + 1, QUARTER_HOUR, dtype=np.int64)
    values = device.at(times)[meter.register]
    known = np.isfinite(values)
    shown = Samples.of(times[known], values[known])
    window = Window(int(times[0]), int(times[-1]))
    return LoadCurve.of(consumption(shown, window, QUARTER_HOUR, counter=meter.counter, substitute=False), outdoor)


def numenta() -> None:
    """What is found of the windows of the Numenta Anomaly Benchmark."""
    folder = ANOMALY / "nab"
    with (folder / "dev_labels_events.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    week = Week()
    scores, truths = [], []
    print("\n| series | window | found | called | after, h |\n| --- | --- | --- | --- | --- |")
    for series in read(folder / "dev_series.csv.gz").series:
        curve = on_grid(series, None, None).curve
        one = Judged.of(meter(series.series_id, Carrier.ELECTRICITY), curve, score(week, curve))
        windows = [Window(parse(row["start"]), parse(row["end"])) for row in rows if row["series_id"] == one.meter.id]
        for window in windows:
            print(" | ".join(_told(one, window)))
        alarms = one.false_alarms(windows, int(curve.start_us[0]))
        print(f"{one.meter.id}: {len(alarms)} alarms outside of them in {curve.days:.0f} days")
        scores.append(one.scores.score)
        truths.append(
            np.any([(curve.start_us >= at.start_us) & (curve.start_us <= at.end_us) for at in windows], axis=0)
        )
    truth, found = np.concatenate(truths), np.concatenate(scores)
    print(f"ROC-AUC {roc_auc_score(truth, found):.2f}, PR-AUC {average_precision_score(truth, found):.2f}")


def _told(one: Judged, window: Window) -> Iterator[str]:
    row = one.first(window)
    yield from (f"| {one.meter.id}", str(np.datetime64(window.start_us, "us"))[:10])
    if row is None:
        yield from ("no", "–", "– |")
    else:
        yield from ("yes", one.kind(row), f"{(int(one.curve.start_us[row]) - window.start_us) / HOUR:.1f} |")


if __name__ == "__main__":
    town()
    numenta()
