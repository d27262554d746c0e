"""What a measurement says, and how it is written down."""

from collections.abc import Iterable
from pathlib import Path
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


def replace_between(file: Path, name: str, text: str) -> None:
    """Put the text where ``<!-- name: begin -->`` and ``<!-- name: end -->`` stand in a document."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, rest = file.read_text("utf-8").split(begin)
    file.write_text(f"{before}{begin}\n{text}\n{end}{rest.split(end)[1]}", "utf-8")


def table(heads: Iterable[str], rows: Iterable[Iterable[float | str]], *, words: int = 1) -> str:
    """Markdown; all columns but the first ones, which are ``words``, are figures."""
    heads = list(heads)
    lines = [_line(heads), _line([*["---"] * words, *["---:"] * (len(heads) - words)])]
    return "\n".join([*lines, *(_line([_shown(cell) for cell in row]) for row in rows)])


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
