"""A classifier from files of a utility's own meters, as `leitwarte train` makes it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from analytics.anomaly.detect_file import on_grid
from analytics.anomaly.seriesfile import read, read_weather
from analytics.anomaly.spoiled import TrainingMeter
from analytics.anomaly.training import train
from analytics.anomaly.week import Week
from metering.estate import Carrier

_LEAST_DAYS = 120


@dataclass(frozen=True, slots=True)
class TrainedFile:
    """What was done: meters learned from, and what could not be used (file, line, why)."""

    meters: int
    errors: list[str]


def train_files(
    sources: Mapping[Carrier, Path],
    out: Path,
    week: Week,
    *,
    weather: Path | None = None,
    progress: Callable[[float], None] | None = None,
) -> TrainedFile:
    """Learn from all series of at least 120 days and write the classifier.

    Deterministic. Raises ValueError if a file cannot be used as a whole, or too few series are left.
    """
    outdoor = read_weather(weather) if weather else None
    meters, errors = [], []
    for carrier, source in sources.items():
        content = read(source)
        errors += content.errors
        for series in content.series:
            try:
                curve = on_grid(series, None, outdoor).curve
            except ValueError as error:
                errors.append(f"{source}: series {series.series_id!r}: {error}")
                continue
            if curve.days < _LEAST_DAYS:
                few = f"{curve.days:.0f} days are too few to learn from; {_LEAST_DAYS} are needed"
                errors.append(f"{source}: series {series.series_id!r}: {few}")
            else:
                meters.append(TrainingMeter(series.series_id, curve, carrier))
    origin = {"meters": str(len(meters)), "faults": "analytics.anomaly.inject"}
    trained = train(week, meters, origin, progress)
    out.parent.mkdir(parents=True, exist_ok=True)
    trained.classifier.save(out)
    return TrainedFile(len(meters), errors)
