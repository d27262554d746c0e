"""Taking over what was set aside, once what was in its way is out of it."""

import asyncio
from collections.abc import Sequence
from math import isfinite

import msgspec

from collectors.protocol import Receipts
from gateway.intake import Intake
from gateway.quarantine import Case, kept_cases
from metering.clock import Clock
from metering.quality import Quality
from metering.quantities import QUANTITIES, Kind
from metering.reading import Reading


class Revision(msgspec.Struct, frozen=True):
    """What a case says today.

    case      its id
    readings  bearing their original times
    problem   what is still not understood of a message, as in `collectors.protocol.DeadLetter`; "" if nothing
    """

    case: str
    readings: list[Reading]
    problem: str = ""


class Outcome(msgspec.Struct, frozen=True):
    """What became of a case: how many of its readings were ``taken``, and why others, or none, were not."""

    case: str
    taken: int = 0
    problem: str = ""


async def replay(revisions: Sequence[Revision], intake: Intake, clock: Clock, *, force: bool = False) -> list[Outcome]:
    """Hand the readings to the outbox and end their cases; each case once, also if it is asked for again.

    What is still rejected, or not understood any better, stays as it is. ``force`` takes a rejected reading all the
    same, as suspect. Killed at any moment, a case is either still there or taken: its receipt lies with its readings.
    """
    wanted = {revision.case for revision in revisions}

    def find() -> dict[str, Case]:
        return {kept.id: kept.case for kept in kept_cases(intake.quarantine.folder) if kept.id in wanted}

    cases = await asyncio.to_thread(find)
    once = {revision.case: revision for revision in revisions}.values()
    return list(await asyncio.gather(*(_replay(one, cases.get(one.case), intake, clock, force) for one in once)))


async def _replay(revision: Revision, case: Case | None, intake: Intake, clock: Clock, force: bool) -> Outcome:  # noqa: FBT001
    channel = f"quarantine:{revision.case}"
    if case is None:
        return Outcome(revision.case, 0, "there is no such case, or it was replayed before")
    if intake.is_known(channel, 0, 0):  # taken by a process that was killed before it could end the case
        await intake.quarantine.end([revision.case], clock.now_us())
        return Outcome(revision.case, 0, "it was replayed before")
    if revision.problem and (not revision.readings or revision.problem == case.reason):
        return Outcome(revision.case, 0, revision.problem)
    if not intake.outbox.has_room:
        return Outcome(revision.case, 0, "the outbox is full; try again when the store answers")
    now_us = clock.now_us()
    accepted, rejected = (
        _forced(revision.readings, case.reason) if force else intake.plausibility.judge(revision.readings, now_us)
    )
    problem = "; ".join([*([revision.problem] if revision.problem else []), *(reason for _, reason in rejected)])
    if case.reading is not None and rejected:
        return Outcome(revision.case, 0, f"still rejected: {problem}")
    rest = [Case(now_us, reason, reading=reading) for reading, reason in rejected]
    if revision.problem and case.letter is not None:
        rest.append(Case(now_us, revision.problem, letter=case.letter))
    if rest:
        await intake.quarantine.keep(rest)
    await intake.outbox.append(accepted, Receipts(channel, {0: 0}))
    await intake.quarantine.end([revision.case], clock.now_us())
    return Outcome(revision.case, len(accepted), problem)


def _forced(readings: Sequence[Reading], reason: str) -> tuple[list[Reading], list[tuple[Reading, str]]]:
    """All as suspect, but for what no store could keep."""
    accepted, rejected = [], []
    for reading in readings:
        quantity = QUANTITIES.get(reading.quantity)
        if quantity is None or quantity.kind is Kind.INTERVAL or not isfinite(reading.value):
            rejected.append((reading, "no store can keep it"))
        else:
            accepted.append(msgspec.structs.replace(reading, quality=Quality.SUSPECT, reason=reason))
    return accepted, rejected
