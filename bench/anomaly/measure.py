"""One row of the table, measured; in a module of its own so that worker processes can be sent there."""

import time
from collections.abc import Mapping, Sequence

from bench.anomaly.dataset import Labelled
from bench.anomaly.peers import Peer
from bench.anomaly.report import Row
from bench.anomaly.scoring import Scored, Scorer
from metering.samples import Floats


def measured(series: Sequence[Labelled], scorer: Scorer, name: str, peer: Peer) -> Row:
    """The row of a reference detector."""
    began = time.process_time()
    scores = {each.id: peer(each) for each in series}
    return row(name, series, scorer, scores, time.process_time() - began)


def row(name: str, series: Sequence[Labelled], scorer: Scorer, scores: Mapping[str, Floats], cpu_s: float) -> Row:
    """What the scoring script says of these scores, which took so many CPU seconds."""
    found = [scorer.score([Scored(each, scores[each.id]) for each in series], budget) for budget in (1.0, 0.25)]
    print(f"{name}: ROC-AUC {found[0]['roc_auc_pooled']:.3f}, PR-AUC {found[0]['pr_auc_pooled']:.3f}", flush=True)
    return Row(name, found[0], found[1], cpu_s / sum(len(each.faulty) for each in series))
