"""Replays: what was set aside gets into the store once, whatever happens meanwhile."""

import math
from pathlib import Path
from typing import Any

import pytest

from collectors.protocol import DeadLetter
from gateway.gateway import Gateway
from gateway.quarantine import Kept, Quarantine, kept_cases
from gateway.replay import Revision
from metering.instant import DAY
from metering.quality import Quality
from metering.reading import Reading
from tests.gateway.parts import DEVICES, START_US, ScriptedStore, adds_up, reading, running, settings_in, until

LETTER = DeadLetter("broker", "plug/power", b"12,5", START_US, "meter: not a number")


def listed(folder: Path) -> list[Kept]:
    return list(kept_cases(folder / "quarantine"))


async def test_a_letter_that_is_understood_now_is_taken_once(tmp_path: Path) -> None:
    store = ScriptedStore()
    async with running(store, [], settings_in(tmp_path)) as gateway:
        await gateway.intake.dead_letter(LETTER)
        [kept] = listed(tmp_path)
        understood = Revision(kept.id, [reading(1)])
        assert (await gateway.replay([understood]))[0].taken == 1
        again = (await gateway.replay([understood]))[0]
        assert (again.taken, "replayed before" in again.problem) == (0, True)
        await until(lambda: gateway.status().stored == 1)
        assert adds_up(gateway)
    assert listed(tmp_path) == []
    assert store.writes == [reading(1)]


async def test_what_is_understood_no_better_stays(tmp_path: Path) -> None:
    async with running(ScriptedStore(), [], settings_in(tmp_path)) as gateway:
        await gateway.intake.dead_letter(LETTER)
        [kept] = listed(tmp_path)
        same = await gateway.replay([Revision(kept.id, [reading(1)], LETTER.reason)])  # its sound part was taken then
        worse = await gateway.replay([Revision(kept.id, [], "no device has this topic")])
        assert [outcome.taken for outcome in (*same, *worse)] == [0, 0]
        assert gateway.status().received == 0
        better = await gateway.replay([Revision(kept.id, [reading(1)], "meter: half of it")])
        assert better[0].taken == 1
    [rest] = listed(tmp_path)
    assert (rest.case.letter, rest.case.reason) == (LETTER, "meter: half of it")


async def test_rejected_readings_come_in_when_their_reason_is_gone_or_by_force(tmp_path: Path) -> None:
    store = ScriptedStore()
    bad = Reading("meter", "illuminance", math.nan, START_US)
    future = Reading("meter", "illuminance", 7.0, START_US + 20_000 * DAY)
    async with running(store, [], settings_in(tmp_path)) as gateway:
        await gateway.intake.accept([reading(1, "late"), bad, future])
        revisions = [Revision(kept.id, [kept.case.reading]) for kept in listed(tmp_path) if kept.case.reading]
        outcomes = await gateway.replay(revisions)
        assert [outcome.problem for outcome in outcomes] == [
            "still rejected: unknown_device",
            "still rejected: not_finite",
            "still rejected: future",
        ]
        gateway.intake.know({**DEVICES, "late": DEVICES["meter"]})
        assert (await gateway.replay(revisions[:1]))[0].taken == 1
        forced = await gateway.replay(revisions[1:], force=True)
        assert [outcome.taken for outcome in forced] == [0, 1]
        await until(lambda: gateway.status().stored == 2)
    suspect = Reading("meter", "illuminance", 7.0, future.time_us, Quality.SUSPECT, "future")
    assert store.writes == [reading(1, "late"), suspect]
    assert len(listed(tmp_path)) == 1


async def test_killed_between_taking_and_ending_a_case_it_is_not_taken_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def killed(*_: Any) -> None:
        raise InterruptedError

    store = ScriptedStore()
    async with running(store, [], settings_in(tmp_path)) as gateway:
        await gateway.intake.dead_letter(LETTER)
        revision = Revision(listed(tmp_path)[0].id, [reading(1)])
        with monkeypatch.context() as patch:
            patch.setattr(Quarantine, "end", killed)
            with pytest.raises(InterruptedError):
                await gateway.replay([revision])
    async with running(store, [], settings_in(tmp_path)) as gateway:
        assert (await gateway.replay([revision]))[0].taken == 0
        assert gateway.status().received == 0
    assert listed(tmp_path) == []
    assert store.writes == [reading(1)]


async def test_ids_stay_and_the_ended_are_gone_after_a_restart(tmp_path: Path) -> None:
    async def state(gateway: Gateway) -> list[str]:
        await gateway.intake.dead_letter(LETTER)
        return [kept.id for kept in listed(tmp_path)]

    async with running(ScriptedStore(), [], settings_in(tmp_path)) as gateway:
        first = await state(gateway)
        second = await state(gateway)
        assert second[:1] == first
        await gateway.replay([Revision(first[0], [reading(1)])])
    async with running(ScriptedStore(), [], settings_in(tmp_path)) as gateway:
        assert (await state(gateway))[0] == second[1]
