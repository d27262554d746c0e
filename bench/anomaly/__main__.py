"""``python -m bench.anomaly``: measure, and write the table to docs/anomaly.md.

With ``--ship`` the classifier that comes with the program is written anew, too. The scoring script that lies with the
data decides; it needs pandas, which the program does not: ``--scorer-python`` names an interpreter that has it.
"""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from analytics.anomaly.classifier import SHIPPED, Classifier
from analytics.anomaly.detector import announce, decide
from analytics.anomaly.history import judge
from analytics.anomaly.training import train
from analytics.anomaly.week import Week
from bench.anomaly.dataset import Labelled, labelled
from bench.anomaly.peers import PEERS
from bench.anomaly.report import Row, write_report
from bench.anomaly.scoring import Scored, Scorer

BUDGETS = (1.0, 0.5, 0.25)
PROVENANCE = {
    "series": "31 public series: Cambridge University Estates (MIT), VDI 4657 profiles (MIT, CC BY 4.0), "
    "DAIAD water (CC BY-SA 4.0)",
    "faults": "analytics.anomaly.inject, three seeds a series",
    "made by": "python -m bench.anomaly --ship",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scorer-python", default=sys.executable, help="interpreter with pandas and scikit-learn")
    parser.add_argument("--ship", action="store_true", help=f"write {SHIPPED.name} anew")
    parser.add_argument("--keep", type=Path, help="folder for classifiers that are kept from run to run")
    options = parser.parse_args()
    week, series = Week(), labelled()
    scorer = Scorer(options.scorer_python)
    rows = []
    for name, peer in PEERS.items():
        began = time.process_time()
        scores = {each.id: peer(each) for each in series}
        spent = time.process_time() - began
        found = [scorer.score([Scored(each, scores[each.id]) for each in series], budget) for budget in (1.0, 0.25)]
        rows.append(Row(name, found[0], found[1], spent / sum(len(each.faulty) for each in series)))
        print(f"{name}: {found[0]['pr_auc_pooled']:.3f}", flush=True)
    unseen = _unseen(week, series, options.keep, ship=options.ship)
    began = time.process_time()
    judged = {each.id: judge(week, each.faulty, None, unseen[each.id]).scores for each in series}
    spent = time.process_time() - began
    raw = [scorer.score([Scored(each, judged[each.id].score) for each in series], budget) for budget in (1.0, 0.25)]
    rows.append(Row("**Leitwarte**", raw[0], raw[1], spent / sum(len(each.faulty) for each in series)))
    decided = {}
    for budget in BUDGETS:
        alerts = [
            Scored(each, judged[each.id].score, announce(decide(judged[each.id].score, budget), each.faulty.step_us))
            for each in series
        ]
        decided[budget] = scorer.score(alerts)
        print(f"budget {budget}: F1 {decided[budget]['event_f1']:.3f}", flush=True)
    write_report(rows, decided)


def _unseen(week: Week, series: Sequence[Labelled], keep: Path | None, *, ship: bool) -> Mapping[str, Classifier]:
    """For each series a classifier that never saw it."""
    kept = {each.id: keep / f"{each.id}.npz" for each in series} if keep else {}
    if kept and all(path.exists() for path in kept.values()) and not ship:
        return {name: Classifier.load(path) for name, path in kept.items()}
    done = train(week, [each.training for each in series], PROVENANCE, lambda share: print(f"{share:.0%}", flush=True))
    if ship:
        done.classifier.save(SHIPPED)
    for name, path in kept.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        done.unseen[name].save(path)
    return done.unseen


if __name__ == "__main__":
    main()
