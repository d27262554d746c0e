"""``python -m bench.anomaly.archive FOLDER``: meters that nobody looked at while the detector was made; prints a table.

FOLDER is a clone of the archive that the labelled Cambridge series come from
(https://github.com/EECi/Cambridge-Estates-Building-Energy-Archive). Of its buildings all are taken that no labelled
series is of and that were read soundly through 2013 and 2014; the injector that lies with the labelled series spoils
the second year. Judged by the shipped classifier, which saw none of them.
"""

import argparse
import csv
import gzip
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from analytics.anomaly.detector import told
from analytics.anomaly.history import score
from analytics.anomaly.week import Week
from analytics.workers import worker_pool
from bench.anomaly.dataset import ANOMALY, Labelled, labelled
from bench.anomaly.report import BUDGETS, decisions, kinds
from bench.anomaly.scoring import Scored, Scorer
from metering.samples import Floats

_YEARS = (2013, 2014)  # to learn from, and to spoil
_SEED = "20240"
_ZERO = {"electricity": 0.03, "gas": 0.45}  # missing readings are zeros there; so few may be
_SAME = 0.25  # share of readings that repeat the one before
_CHANGE = 1.5  # between the medians of the years


@dataclass(frozen=True, slots=True, eq=False)
class _Meter:
    """One carrier of a building: hours of each year, as written, and kWh."""

    id: str
    carrier: str
    times: Sequence[Sequence[str]]
    values: Sequence[Floats]

    @property
    def is_sound(self) -> bool:
        """Without the gross faults and changes that the makers of the labelled series left out, too."""
        if not all((values > 0).any() for values in self.values):
            return False
        usual = [float(np.median(values[values > 0])) for values in self.values]
        zero = max(float((values == 0).mean()) for values in self.values)
        same = max(float(((np.diff(values) == 0) & (values[1:] != 0)).mean()) for values in self.values)
        return zero <= _ZERO[self.carrier] and same <= _SAME and max(usual) < _CHANGE * min(usual)


def _meters(archive: Path) -> Iterator[_Meter]:
    with (ANOMALY / "dev" / "meta.csv").open(encoding="utf-8") as file:
        labelled_too = {row["source_id"] for row in csv.DictReader(file)}
    for building in sorted((archive / "building_data" / "processed_data").glob("UCam_Building_b*")):
        for carrier in _ZERO:
            files = [building / carrier / f"{year}.csv" for year in _YEARS]
            if building.name in labelled_too or not all(file.exists() for file in files):
                continue
            rows = [_rows(file) for file in files]
            times, values = [list(year) for year in rows], [np.array(list(year.values())) for year in rows]
            yield _Meter(f"{building.name}_{carrier}", carrier, times, values)


def _rows(path: Path) -> Mapping[str, float]:
    """Hour → value of the first column."""
    with path.open(encoding="utf-8", newline="") as file:
        return {row[0]: float(row[1] or "nan") for row in list(csv.reader(file))[1:]}


def _write(folder: Path, meters: Sequence[_Meter], outdoor: Sequence[Mapping[str, float]]) -> None:
    """As the labelled series lie there, without faults."""
    for name, year in (("train", 0), ("test_clean", 1)):
        with gzip.open(folder / f"{name}.csv.gz", "wt", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("series_id", "timestamp", "value", "temp_c"))
            for meter in meters:
                for time, value in zip(meter.times[year], meter.values[year].tolist(), strict=True):
                    writer.writerow((meter.id, f"{time.replace(' ', 'T')}Z", value, outdoor[year].get(time, "")))
    with (folder / "meta.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            (("series_id", "utility", "tz"), *((meter.id, meter.carrier, "Europe/London") for meter in meters))
        )


def _spoil(folder: Path, python: str) -> None:
    """Let the injector write the test part and its labels."""
    given = {"--train": "train.csv.gz", "--test": "test_clean.csv.gz", "--meta": "meta.csv"}
    made = {"--out": "test.csv.gz", "--labels": "labels_events.csv", "--ignore": "ignore.csv"}
    files = [part for option, name in (given | made).items() for part in (option, str(folder / name))]
    call = [python, str(ANOMALY / "inject_faults.py"), *files, "--seed", _SEED, "--events-per-year", "11"]
    subprocess.run(call, check=True, stdout=subprocess.DEVNULL)


def _judged(each: Labelled) -> tuple[Scored, list[Scored]]:
    found = score(Week(), each.faulty, each.carrier)
    alerts = [Scored(each, found.score, told(found, each.faulty.step_us, budget)) for budget in BUDGETS]
    return Scored(each, found.score), alerts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--scorer-python", default=sys.executable, help="interpreter with pandas and scikit-learn")
    options = parser.parse_args()
    meters = [meter for meter in _meters(options.archive) if meter.is_sound]
    weather = options.archive / "aux_data" / "MetOffice Weather Data" / "processed_data" / "bedford"
    with TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder, meters, [_rows(weather / f"{year}.csv") for year in _YEARS])
        _spoil(folder, options.scorer_python)
        scorer, series = Scorer(options.scorer_python, folder), labelled(folder)
        with worker_pool(None) as pool:
            judged = list(pool.map(_judged, series))
        ranked = scorer.score([scores for scores, _ in judged])
        decided = {
            budget: scorer.score([alerts[number] for _, alerts in judged]) for number, budget in enumerate(BUDGETS)
        }
    numbers = " and ".join(f"{sum(meter.carrier == carrier for meter in meters)} {carrier}" for carrier in _ZERO)
    print(f"{numbers}: ROC-AUC {ranked['roc_auc_pooled']:.3f}, PR-AUC {ranked['pr_auc_pooled']:.3f}\n")
    print(f"{decisions(decided)}\n\n{kinds(decided)}")


if __name__ == "__main__":
    main()
