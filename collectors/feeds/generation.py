"""A generation mix over time, and the CSV file it is kept in (which `analytics.carbon.mix` reads)."""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from metering.instant import isoformat

MODES = (
    "biomass", "coal", "gas", "geothermal", "hydro", "nuclear", "oil", "pumped_storage", "solar", "unknown", "wind",
)  # fmt: skip
"""How electricity is generated; emission factors have the carrier ``generation_<mode>``."""


@dataclass(frozen=True)
class Mix:
    """What a zone generated in each interval.

    source, licence, attribution   to be named wherever figures made of it are shown
    region     of the source, such as DE or DE-LU
    step_s     length of an interval
    mwh        start of the interval (µs since the Unix epoch, UTC) → mode → MWh; None where nothing is published (yet)
    """

    source: str
    licence: str
    attribution: str
    region: str
    step_s: int
    mwh: Mapping[int, Mapping[str, float | None]] = field(default_factory=dict)


Values = Mapping[int, float | None]
"""One series: start of the interval (µs since the Unix epoch, UTC) → MWh."""


def combined(series: Iterable[tuple[str, Values]]) -> dict[int, dict[str, float | None]]:
    """Series of a source, each with its mode, by interval and mode.

    A series without any value is of something this zone does not have. Where one of the others has none, the sum of its
    mode is unknown: a part must not pass for the whole.
    """
    present = [(mode, values) for mode, values in series if any(value is not None for value in values.values())]
    found: dict[int, dict[str, float | None]] = {}
    for start_us in sorted({start_us for _, values in present for start_us in values}):
        modes: dict[str, float | None] = {}
        for mode, values in present:
            value, before = values.get(start_us), modes.get(mode, 0.0)
            modes[mode] = None if value is None or before is None else before + value
        found[start_us] = modes
    return found


def encode(mix: Mix) -> bytes:
    """The mix as a file: where it is from in comment lines, then one line an interval, an empty cell for None."""
    text = io.StringIO()
    for key in ("source", "licence", "attribution", "region", "step_s"):
        text.write(f"# {key}: {getattr(mix, key)}\n")
    table = csv.writer(text, lineterminator="\n")
    modes = sorted({mode for values in mix.mwh.values() for mode in values})
    table.writerow(["start", *modes])
    for start_us, values in sorted(mix.mwh.items()):
        cells = [values.get(mode) for mode in modes]
        table.writerow([isoformat(start_us), *("" if cell is None else repr(cell) for cell in cells)])
    return text.getvalue().encode()
