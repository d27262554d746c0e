"""The classifier that was trained on faults put into clean history: symptoms → score and kind.

It is a file, `classifier.npz` beside this module, made by `training`, or the file that a utility
trained on its own meters. The score is calibrated like everything here: 1 / (1 + false alarms per meter and month).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Self
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from analytics.anomaly.course import WIDTH, course
from analytics.anomaly.symptoms import Symptoms
from analytics.anomaly.trees import Singles, Trees
from metering.samples import Floats

SHIPPED = Path(__file__).with_name("classifier.npz")
DEPTH = 5
KIND_DEPTH = 5
LASTING_DEPTH = 4


@dataclass(frozen=True, slots=True, eq=False)
class Classifier:
    """Learned trees and what turns their sums into false alarm rates.

    names        the symptoms it was trained with, in order
    found        one output: log-odds of a fault, by the symptoms
    lasting      one output: log-odds of a fault, by the `course` of the first over two weeks
    kinds        one output a kind, in the order of ``kind_names``
    calibration  shape (2, points): log-odds, rising, and minus the log of the false alarms per meter and month
    provenance   where the training data came from
    """

    names: tuple[str, ...]
    found: Trees
    lasting: Trees
    kinds: Trees
    kind_names: tuple[str, ...]
    calibration: Floats
    provenance: Mapping[str, str]

    def log_odds(self, symptoms: Symptoms, loudest: Floats, step_us: int) -> Floats:
        """As `weigh`, of consecutive intervals. Raises ValueError if it was trained with other symptoms."""
        if symptoms.names != self.names:
            raise ValueError("the classifier was trained with other symptoms; train it anew: leitwarte train")
        first = self.found.sums(symptoms.rows)[:, 0].astype(np.float64)
        return weigh(self.lasting, course(first, loudest, step_us), loudest)

    def surprise(self, log_odds: Floats) -> Floats:
        """Minus the log of the false alarms per meter and month from such log-odds on."""
        odds, surprise = self.calibration
        inside = np.interp(log_odds, odds, surprise)
        found: Floats = inside + np.minimum(log_odds - odds[0], 0.0) + 0.1 * np.maximum(log_odds - odds[-1], 0.0)
        return found

    def save(self, path: Path) -> None:
        """Write the file; the same classifier gives the same bytes."""
        arrays: dict[str, NDArray[np.generic]] = {
            "names": np.array(self.names),
            "kind_names": np.array(self.kind_names),
            "calibration": self.calibration,
            "provenance": np.array([f"{key}: {value}" for key, value in self.provenance.items()]),
            **self.found.arrays("found"),
            **self.lasting.arrays("lasting"),
            **self.kinds.arrays("kinds"),
        }
        np.savez_compressed(path, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file. Raises ValueError, naming it, if it is none of these."""
        try:
            with np.load(path, allow_pickle=False) as arrays:
                names = tuple(arrays["names"].tolist())
                return cls(
                    names,
                    Trees.from_arrays(arrays, "found", len(names)),
                    Trees.from_arrays(arrays, "lasting", WIDTH),
                    Trees.from_arrays(arrays, "kinds", len(names)),
                    tuple(arrays["kind_names"].tolist()),
                    arrays["calibration"],
                    MappingProxyType(dict(line.split(": ", 1) for line in arrays["provenance"].tolist())),
                )
        except (OSError, EOFError, KeyError, ValueError, BadZipFile) as error:
            raise ValueError(f"{path}: no classifier can be read from it: {error}") from error


def weigh(lasting: Trees, course: Singles, loudest: Floats) -> Floats:
    """Log-odds of a fault, not calibrated, shape (n,). ``loudest``: how surprising the single statistics are, (n,).

    Where one of these would alarm alone, half of what it says is added: the trees saw few of the short faults.
    """
    found: Floats = lasting.sums(course)[:, 0] + 0.5 * np.maximum(loudest, 0.0)
    return found


@lru_cache(2)
def classifier(path: Path = SHIPPED) -> Classifier:
    """The classifier of a file, read once."""
    return Classifier.load(path)
