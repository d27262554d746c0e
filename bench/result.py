"""What a measurement says, and how it is written down."""

from collections.abc import Iterable
from typing import NamedTuple


class Row(NamedTuple):
    """One measurement: what was asked (``part``), how much of it (``load``), and who answered."""

    part: str
    load: str
    who: str
    figures: dict[str, float | str]


def markdown(rows: Iterable[Row], titles: dict[str, str]) -> str:
    """A table for each part, in the order in which the parts come."""
    parts: dict[str, list[Row]] = {}
    for row in rows:
        parts.setdefault(row.part, []).append(row)
    return "\n".join(_table(titles.get(part, part), some) for part, some in parts.items())


def _table(title: str, rows: list[Row]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row.figures))
    lines = [f"## {title}", "", _line(["load", "who", *names]), _line(["---", "---", *["---:"] * len(names)])]
    lines += [_line([row.load, row.who, *[_shown(row.figures.get(name, "")) for name in names]]) for row in rows]
    return "\n".join([*lines, ""])


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _shown(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
