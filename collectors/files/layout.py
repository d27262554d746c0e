"""Layouts of load-profile files, as data: see ``layouts/README.md``."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

import yaml

from metering.strict import Strict

Stamp = Literal["begin", "end", "detect"]
_UNIT = re.compile(r"(?<![A-Za-z])(kWh|MWh|Wh|kW|MW|W|m³|m3|l)(?![A-Za-z])")


class Layout(Strict):
    """How the columns of a file are called; patterns are searched in titles in lower case."""

    title: str
    timestamp: str | None = None
    date: str | None = None
    time: str | None = None
    until: str | None = None
    value: str
    status: str | None = None
    stamp: Stamp
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Columns:
    """Where a file has what: positions of columns, None where it has none."""

    layout: Layout
    when: tuple[int, ...]
    value: int
    status: int | None
    unit: str | None


@cache
def layouts() -> dict[str, Layout]:
    """All of them by name, in the order they are tried."""
    folder = files(__package__).joinpath("layouts")
    found = sorted((file for file in folder.iterdir() if file.name.endswith(".yaml")), key=lambda file: file.name)
    return {file.name[3:-5]: Layout.model_validate(yaml.safe_load(file.read_text("utf-8"))) for file in found}


def columns(layout: Layout, titles: Sequence[str]) -> Columns | None:
    """The columns of a header, or None if it is not this layout's."""
    free = list(range(len(titles)))

    def take(pattern: str | None) -> int | None:
        for at in free if pattern else ():
            if re.search(pattern or "", titles[at].strip().lower()):
                free.remove(at)
                return at
        return None

    wanted = [pattern for pattern in (layout.timestamp, layout.date, layout.time) if pattern]
    when = [take(pattern) for pattern in wanted]
    until = take(layout.until)
    status, value = take(layout.status), take(layout.value)
    if value is None or None in when or (layout.until and until is None):
        return None
    unit = _UNIT.search(titles[value])
    return Columns(layout, tuple(at for at in when if at is not None), value, status, unit[1] if unit else layout.unit)
