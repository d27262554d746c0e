"""The scoring script that lies with the data, called as its README says."""

import csv
import json
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from analytics.anomaly.week import Bools
from bench.anomaly.dataset import ANOMALY, Labelled
from metering.samples import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """A series with a score, and maybe a decision, for each interval."""

    series: Labelled
    score: Floats
    alert: Bools | None = None


@dataclass(frozen=True, slots=True)
class Scorer:
    """Runs score.py, which lies with the data, with an interpreter that has pandas. ``labels``: a labelled set."""

    python: str
    labels: Path = ANOMALY / "dev"

    def score(self, scored: Sequence[Scored], budget: float = 1.0) -> dict[str, Any]:
        """What the script says of the test parts; without decisions it sets the threshold itself, for this budget."""
        with tempfile.TemporaryDirectory() as folder:
            scores, found = Path(folder) / "scores.csv", Path(folder) / "found.json"
            _write(scores, scored)
            labels, series, ignored = (
                self.labels / name for name in ("labels_events.csv", "test.csv.gz", "ignore.csv")
            )
            given = ["--scores", scores, "--labels", labels, "--series", series, "--ignore", ignored]
            call = [self.python, ANOMALY / "score.py", *given]
            done = subprocess.run(
                [*map(str, call), "--fa-budget", str(budget), "--by-type", "--json", str(found)],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise SystemExit(f"the scoring script failed (has {self.python} pandas?):\n{done.stderr}")
            result: dict[str, Any] = json.loads(found.read_text())
            return result


def _write(path: Path, scored: Sequence[Scored]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        decided = any(each.alert is not None for each in scored)
        writer.writerow(["series_id", "timestamp", "score", *(["is_alert"] if decided else [])])
        for each in scored:
            part = slice(each.series.split, None)
            stamps = np.datetime_as_string(each.series.faulty.start_us[part].astype("datetime64[us]"), unit="s")
            score = np.char.mod("%.9g", each.score[part]).tolist()
            columns = [stamps.tolist(), ["" if text == "nan" else text for text in score]]
            if each.alert is not None:
                columns.append(each.alert[part].astype(int).tolist())
            writer.writerows([each.series.id, f"{row[0]}Z", *row[1:]] for row in zip(*columns, strict=True))
