"""The labelled series beside the checkout: their history, the test part with faults, and the same without."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from analytics.anomaly.curve import LoadCurve
from analytics.anomaly.seriesfile import SeriesRows, read
from analytics.anomaly.spoiled import TrainingMeter
from metering.estate import Carrier
from metering.instant import parse

ANOMALY = Path(__file__).parents[2].parent / "shared" / "data" / "anomaly"


@dataclass(frozen=True, slots=True)
class Label:
    """A fault that was put in, by its name in the data; from the first to the last interval's begin, µs."""

    kind: str
    start_us: int
    end_us: int


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """One series.

    sound   its whole history without faults, to train on
    faulty  the same with the faults in the test part, to judge
    split   position at which the test part begins
    labels  the faults
    """

    id: str
    carrier: Carrier
    sound: LoadCurve
    faulty: LoadCurve
    split: int
    labels: Sequence[Label] = ()

    @classmethod
    def of(cls, series_id: str, carrier: Carrier, parts: dict[str, SeriesRows], labels: Sequence[Label]) -> Self:
        train, test, clean = parts["train"], parts["test"], parts["test_clean"]
        times = np.concatenate((train.times_us, test.times_us))
        step_us = int(np.median(np.diff(times)))
        if np.any(np.diff(times) != step_us):
            raise ValueError(f"{series_id}: the rows are not {step_us} µs apart")
        outdoor = None
        if train.temperature is not None and test.temperature is not None:
            outdoor = np.concatenate((train.temperature, test.temperature))
        faulty = LoadCurve(times, step_us, np.concatenate((train.values, test.values)), outdoor)
        sound = faulty.with_values(np.concatenate((train.values, clean.values)))
        return cls(series_id, carrier, sound, faulty, len(train.times_us), labels)

    @property
    def training(self) -> TrainingMeter:
        return TrainingMeter(self.id, self.sound, self.carrier)


def labelled(folder: Path = ANOMALY / "dev") -> list[Labelled]:
    """All series of a labelled set. Raises ValueError if the folder is not one."""
    if not folder.is_dir():
        raise ValueError(f"{folder} is absent: the labelled series lie beside the checkout")
    parts = {name: {s.series_id: s for s in read(folder / f"{name}.csv.gz").series} for name in _PARTS}
    with (folder / "meta.csv").open(encoding="utf-8") as file:
        carriers = {row["series_id"]: Carrier(row["utility"]) for row in csv.DictReader(file)}
    labels: dict[str, list[Label]] = {name: [] for name in carriers}
    with (folder / "labels_events.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            labels[row["series_id"]].append(Label(row["type"], parse(row["start"]), parse(row["end"])))
    return [
        Labelled.of(name, carrier, {part: parts[part][name] for part in _PARTS}, labels[name])
        for name, carrier in carriers.items()
    ]


_PARTS = ("train", "test", "test_clean")
