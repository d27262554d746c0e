"""The measured figures as a table, between two marks in docs/anomaly.md; the words around it stay."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.anomaly.called import NAMES, Told

BUDGETS = (1.0, 0.5, 0.25)
"""False alarms per meter and month that are allowed."""
DOCS = Path(__file__).parents[2] / "docs" / "anomaly.md"
_BEGIN, _END = "<!-- measured: begin -->", "<!-- measured: end -->"


@dataclass(frozen=True, slots=True)
class Row:
    """A detector: what the scoring script says at one and at a quarter of a false alarm, CPU seconds per reading."""

    name: str
    at_1: Mapping[str, Any]
    at_quarter: Mapping[str, Any]
    cpu_s: float


def write_report(rows: Sequence[Row], decided: Mapping[float, Mapping[str, Any]], named: Sequence[Told]) -> None:
    """Write the tables into the document. Raises ValueError if its marks are gone."""
    text = DOCS.read_text(encoding="utf-8")
    if _BEGIN not in text or _END not in text:
        raise ValueError(f"{DOCS}: the marks {_BEGIN} and {_END} are gone")
    before, after = text.split(_BEGIN)[0], text.split(_END)[1]
    tables = "\n\n".join((_ranking(rows), decisions(decided), kinds(decided), _names(named)))
    DOCS.write_text(f"{before}{_BEGIN}\n{tables}\n{_END}{after}", encoding="utf-8")


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *lines))


def _ranking(rows: Sequence[Row]) -> str:
    head = (
        "score of",
        "ROC-AUC",
        "PR-AUC",
        "recall @1",
        "F1 @1",
        "recall @0.25",
        "F1 @0.25",
        "CPU s per million readings",
    )
    return _table(
        head,
        [
            (
                row.name,
                f"{row.at_1['roc_auc_pooled']:.3f}",
                f"{row.at_1['pr_auc_pooled']:.3f}",
                *(f"{at[key]:.2f}" for at in (row.at_1, row.at_quarter) for key in ("event_recall", "event_f1")),
                f"{row.cpu_s * 1e6:.0f}",
            )
            for row in rows
        ],
    )


def decisions(decided: Mapping[float, Mapping[str, Any]]) -> str:
    """What is told at each budget."""
    head = ("budget", "found", "precision", "F1", "false alarms per series and month", "of the median series")
    keys = ("event_recall", "event_precision", "event_f1", "fa_per_series_month", "fa_median_series")
    return _table(head, [(f"{budget:g}", *(f"{found[key]:.2f}" for key in keys)) for budget, found in decided.items()])


def kinds(decided: Mapping[float, Mapping[str, Any]]) -> str:
    """What is found of each fault."""
    budgets = list(decided)
    head = ("fault", "number", *(f"found @{budget:g}" for budget in budgets), f"median delay @{budgets[0]:g}, h")
    lines = []
    for kind, first in decided[budgets[0]]["by_type"].items():
        shares = [f"{decided[budget]['by_type'][kind]['recall']:.0%}" for budget in budgets]
        delay = first["median_delay_h"]
        lines.append((kind, str(first["events"]), *shares, "–" if delay is None else f"{delay:.0f}"))
    return _table(head, lines)


def _names(named: Sequence[Told]) -> str:
    head = ("fault", "told", "named rightly when told", "at its end", "otherwise, at its end")
    lines = []
    for fault, right in NAMES.items():
        found = [one for one in named if one.fault == fault]
        others = Counter(" and ".join(dict.fromkeys(one.last)) for one in found if right not in one.last)
        said = ", ".join(f"{number} {names or 'nothing'}" for names, number in others.most_common())
        lines.append((fault, str(len(found)), *_rightly(found), said or "–"))
    return _table(head, [*lines, ("all", str(len(named)), *_rightly(named), "")])


def _rightly(found: Sequence[Told]) -> tuple[str, str]:
    """The share that has its right name among what is told, when it is told and at its end."""
    if not found:
        return "–", "–"
    first = sum(NAMES[one.fault] in one.first for one in found)
    last = sum(NAMES[one.fault] in one.last for one in found)
    return f"{first / len(found):.0%}", f"{last / len(found):.0%}"
