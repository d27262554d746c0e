"""A session: the load goes on, the plant is broken and mended by a seeded schedule, and all is accounted for."""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.faults.episodes import EPISODES, UNDISTURBED
from tests.faults.ledger import Found, Row
from tests.faults.look import look
from tests.faults.plant import Plant, plant

_PAUSE_S = 0.5  # between looks

SHORT = list(EPISODES)
LONG = [*EPISODES, *EPISODES, *["gateway: kill -9"] * 20]


@dataclass(frozen=True, slots=True)
class Outcome:
    """``broken`` are promises other than those of the rows that did not hold."""

    seed: int
    rows: Mapping[str, Row]
    kills: int
    seconds: float
    broken: Sequence[str]

    @property
    def is_clean(self) -> bool:
        return not self.broken and all(row.is_clean for row in self.rows.values())


async def session(
    folder: Path,
    seed: int,
    episodes: Sequence[str],
    tell: Callable[[str], None] = lambda _: None,
    *,
    twist: str = "",
    patience_s: float = 60.0,
) -> Outcome:
    """Raises AssertionError if the plant does not get well again.

    patience_s  how long to wait, in the end, for what does not come
    """
    begun_s = time.monotonic()
    chance = random.Random(seed)
    schedule = chance.sample(episodes, len(episodes))
    async with plant(folder, seed, twist) as whole:
        whole.ledger.begin(UNDISTURBED)
        whole.gateway.start()
        with _talking(whole):
            await whole.heard()
            whole.ledger.forgive()
            for number, name in enumerate(schedule, 1):
                tell(f"{number}/{len(schedule)} {name}")
                whole.ledger.begin(name)
                await EPISODES[name](whole, chance)
                await whole.well()
        found = await _settled(whole, patience_s)
        await whole.metrics()
        if await asyncio.to_thread(whole.gateway.stop) != 0:
            whole.broken.append("the gateway did not end well")
        whole.ledger.settle_polls(whole.gateway.lives)
        found = await asyncio.to_thread(look, whole.store, whole.quarantine, whole.damaged)
        rows = whole.ledger.account(found)
    kills = len(whole.gateway.lives) - 1
    return Outcome(seed, rows, kills, time.monotonic() - begun_s, whole.broken)


@contextlib.contextmanager
def _talking(whole: Plant) -> Iterator[None]:
    talking = asyncio.create_task(whole.load.publisher(whole.broker.host, whole.broker.port).run())
    try:
        yield
    finally:
        talking.cancel()


async def _settled(whole: Plant, patience_s: float) -> Found:
    """What is found once nothing is missing, or nothing more has come for a while."""
    least, since_s = None, time.monotonic()
    while True:
        found = await asyncio.to_thread(look, whole.store, whole.quarantine, whole.damaged)
        missing = whole.ledger.missing(found)
        if least is None or missing < least:
            least, since_s = missing, time.monotonic()
        if missing == 0 or time.monotonic() - since_s > patience_s:
            return found
        await asyncio.sleep(_PAUSE_S)


def table(rows: Mapping[str, Row]) -> str:
    """Markdown."""
    lines = [
        "| fault | runs | messages | polls | set aside | lost | duplicated | unexplained |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    total = Row()
    for name, row in rows.items():
        lines.append(_line(name, row))
        for field in Row.__slots__:
            setattr(total, field, getattr(total, field) + getattr(row, field))
    return "\n".join([*lines, _line("**all**", total)])


def _line(name: str, row: Row) -> str:
    counts = (row.runs, row.messages, row.polls, row.set_aside, row.lost, row.duplicated, row.unexplained)
    return f"| {name} | {' | '.join(f'{count:,}' for count in counts)} |"
