"""``python -m bench.anomaly``: measure, and write the table to docs/anomaly.md.

With ``--ship`` the classifier that comes with the program is written anew, too. The scoring script that lies with the
data decides; it needs pandas, which the program does not: ``--scorer-python`` names an interpreter that has it.
"""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from functools import partial
from pathlib import Path

from analytics.anomaly.classifier import SHIPPED, Classifier
from analytics.anomaly.detect_file import DetectOptions
from analytics.anomaly.detector import told
from analytics.anomaly.history import score
from analytics.anomaly.training import train
from analytics.anomaly.week import Week
from analytics.workers import worker_pool
from bench.anomaly.called import told_faults
from bench.anomaly.dataset import Labelled, labelled
from bench.anomaly.measure import measured, row
from bench.anomaly.peers import PEERS
from bench.anomaly.report import BUDGETS, write_report
from bench.anomaly.scoring import Scored, Scorer

PROVENANCE = {
    "series": "31 public series: Cambridge University Estates (MIT), VDI 4657 profiles (MIT, CC BY 4.0), "
    "DAIAD water (CC BY-SA 4.0)",
    "faults": "analytics.anomaly.inject, three seeds a series, and three more for the second judgement",
    "made by": "python -m bench.anomaly --ship",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scorer-python", default=sys.executable, help="interpreter with pandas and scikit-learn")
    parser.add_argument("--ship", action="store_true", help=f"write {SHIPPED.name} anew")
    parser.add_argument("--keep", type=Path, help="folder for classifiers that are kept from run to run")
    parser.add_argument("--workers", type=int, help="processes; one per core unless told otherwise")
    options = parser.parse_args()
    week, series = Week(), labelled()
    scorer = Scorer(options.scorer_python)
    with worker_pool(options.workers) as pool:
        unseen = _unseen(week, series, pool, options.keep, ship=options.ship)
        peers = pool.map(partial(measured, series, scorer), PEERS, PEERS.values())
        began = time.process_time()
        judged = {each.id: score(week, each.faulty, each.carrier, unseen[each.id]) for each in series}
        spent = time.process_time() - began
        ours = row("**Leitwarte**", series, scorer, {name: found.score for name, found in judged.items()}, spent)
        rows = [*peers, ours]
    decided = {}
    for budget in BUDGETS:
        alerts = []
        for each in series:
            found = judged[each.id]
            alerts.append(Scored(each, found.score, told(found, each.faulty.step_us, budget)))
        decided[budget] = scorer.score(alerts)
        print(f"budget {budget}: F1 {decided[budget]['event_f1']:.3f}", flush=True)
    named = [fault for each in series for fault in told_faults(each, judged[each.id], DetectOptions().alarm_budget)]
    write_report(rows, decided, named)


def _unseen(
    week: Week, series: Sequence[Labelled], pool: Executor, keep: Path | None, *, ship: bool
) -> Mapping[str, Classifier]:
    """For each series a classifier that never saw it."""
    kept = {each.id: keep / f"{each.id}.npz" for each in series} if keep else {}
    if kept and all(path.exists() for path in kept.values()) and not ship:
        return {name: Classifier.load(path) for name, path in kept.items()}
    meters = [each.training for each in series]
    done = train(week, meters, PROVENANCE, lambda share: print(f"{share:.0%}", flush=True), pool)
    if ship:
        done.classifier.save(SHIPPED)
    for name, path in kept.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        done.unseen[name].save(path)
    return done.unseen


if __name__ == "__main__":
    main()
