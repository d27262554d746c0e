"""Several gateways with one broker and one store: one is killed, and nothing is lost, nothing twice."""

from pathlib import Path

from tests.faults.driver import table
from tests.faults.replicas import AWAY, BACK, BEFORE, INTERVAL_S, TAKEOVER_S, WITHOUT, told, trial

_SLOW_MACHINE_S = 60.0


async def test_one_of_three_is_killed_and_comes_back(tmp_path: Path) -> None:
    outcome = await trial(tmp_path)
    seen = f"{table(outcome.rows)}\n{told(outcome)}"
    assert all(row.is_clean for row in outcome.rows.values()), seen
    assert all(outcome.rows[episode].messages > 50 for episode in (BEFORE, AWAY, WITHOUT, BACK)), seen
    assert min(outcome.part) > sum(outcome.part) / 6, seen  # of thirds
    assert outcome.first, seen
    assert outcome.taken_s < TAKEOVER_S + INTERVAL_S + _SLOW_MACHINE_S, seen
    assert outcome.waiting == 0, seen  # what came after the takeover needs nobody's return
    assert outcome.last == outcome.first, seen
    assert set(outcome.unpolled) <= outcome.first, seen  # the answer on its way when a bus changed hands
    assert max(outcome.unpolled.values(), default=0) <= 2, seen
    assert outcome.most_polls < 4, seen  # never two at a time for long
