"""Hourly intensity of the grid, computed here from a published generation mix and published factors per technology.

A decision aid: annual reports use annual factors. Its level is anchored to the annual factor, because generation-based
intensities leave out own use, pumping and line losses, by which the Umweltbundesamt divides; both levels are shown.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np

from analytics.carbon.factor import Boundary
from analytics.carbon.factors import FactorSet
from metering.instant import DAY, SECOND, Window, parse, to_datetime
from metering.samples import Floats, Int64s

WHOLE_YEAR = 0.95
"""Share of a year that must be known for its mean to stand for the year (our inference)."""
YEAR = 365 * DAY


@dataclass(frozen=True, eq=False)
class Mix:
    """What was generated in each interval.

    source, licence, attribution   to be named wherever figures made of it are shown
    start_us  shape (n,), begin of each interval, ascending, µs since the Unix epoch, UTC
    step_us   length of an interval
    mwh       by mode, shape (n,); NaN where nothing is published
    """

    source: str
    licence: str
    attribution: str
    region: str
    start_us: Int64s
    step_us: int
    mwh: Mapping[str, Floats]

    def within(self, window: Window) -> "Mix":
        """The intervals that begin in the window."""
        low, high = np.searchsorted(self.start_us, (window.start_us, window.end_us))
        part = slice(int(low), int(high))
        return replace(self, start_us=self.start_us[part], mwh={mode: mwh[part] for mode, mwh in self.mwh.items()})


@dataclass(frozen=True, eq=False)
class Intensity:
    """Intensity of each interval of a mix, g CO2e/kWh.

    computed   shape (n,), as the mix and the technologies' factors give it; NaN where a part of the mix is unknown
    anchored   shape (n,), the same shape at the level of the annual factor; NaN throughout unless `is_anchored`
    mean       generation-weighted mean of ``computed``
    annual     the factor it is anchored to
    of_year    0..1, the share of the calendar year whose intensity is known
    """

    mix: Mix
    computed: Floats
    anchored: Floats
    mean: float
    annual: float
    of_year: float

    @property
    def is_anchored(self) -> bool:
        """Whether the mean is that of a year, as the annual factor is; that of a summer is another."""
        return self.of_year >= WHOLE_YEAR

    @property
    def coverage(self) -> float:
        """0..1, the share of the intervals whose intensity is known."""
        return float(np.isfinite(self.computed).mean()) if len(self.computed) else 0.0


def read_mix(path: Path) -> Mix:
    """A fetched mix. Raises ValueError, naming file and line, for a file that is none."""
    lines = path.read_text("utf-8").splitlines()
    about = dict(line[2:].split(": ", 1) for line in lines if line.startswith("# "))
    rows = csv.reader(line for line in lines if not line.startswith("# "))
    try:
        modes = next(rows)[1:]
        table = [(parse(row[0]), [float(cell) if cell else np.nan for cell in row[1:]]) for row in rows]
        starts = np.array([start for start, _ in table], np.int64)
        values = np.array([cells for _, cells in table], np.float64).reshape(len(table), len(modes))
        step_us = int(about["step_s"]) * SECOND
        named = {key: about[key] for key in ("source", "licence", "attribution", "region")}
    except (StopIteration, KeyError, ValueError, IndexError) as error:
        raise ValueError(f"{path} is no generation mix as `leitwarte carbon fetch` writes it: {error!r}") from None
    return Mix(**named, start_us=starts, step_us=step_us, mwh={mode: values[:, n] for n, mode in enumerate(modes)})


def intensity(mix: Mix, technologies: FactorSet, annual_g_per_kwh: float) -> Intensity:
    """Σ(E·EF)/Σ(E) over the modes of each interval, lifecycle factors; then scaled to the annual factor.

    A mode without any value in the whole mix is none of this zone's; one that is missing in an interval leaves that
    interval unknown. A mix that is not known for `WHOLE_YEAR` of a year has no level to anchor.

    Raises LookupError for a mode without factor.
    """
    weighted, total = np.zeros(len(mix.start_us)), np.zeros(len(mix.start_us))
    years = np.array([to_datetime(int(start)).year for start in mix.start_us])
    for mode, mwh in mix.mwh.items():
        if np.isnan(mwh).all():
            continue
        factor = np.zeros(len(mwh))
        for year in np.unique(years):
            factor[years == year] = _factor(technologies, mode, int(year))
        weighted += mwh * factor
        total += mwh
    with np.errstate(invalid="ignore", divide="ignore"):
        computed = np.where(total > 0, weighted / total, np.nan)
    known = np.isfinite(computed)
    mean = float(weighted[known].sum() / total[known].sum()) if known.any() else float("nan")
    of_year = float(known.sum()) * mix.step_us / YEAR
    level = annual_g_per_kwh / mean if of_year >= WHOLE_YEAR else float("nan")
    return Intensity(mix, computed, computed * level, mean, annual_g_per_kwh, min(of_year, 1.0))


def _factor(technologies: FactorSet, mode: str, year: int) -> float:
    """The zone's own factor where there is one for the year, else the world's."""
    carrier, day = f"generation_{mode}", date(year, 7, 1)
    for region in ("DE", "World"):
        try:
            return float(technologies.factor(carrier, day, region=region, boundary=Boundary.UPSTREAM).g_per_kwh)
        except LookupError:
            continue
    raise LookupError(f"{technologies.name} has no factor for generation from {mode}")
