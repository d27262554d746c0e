"""The short form: every kind of fault once, and nothing is lost. And the driver itself: it finds what is defective."""

from pathlib import Path

import pytest

from tests.faults.catch_up import drain
from tests.faults.driver import SHORT, session, table
from tests.faults.ledger import Found, Key, Ledger, Place

KILL = "gateway: kill -9"  # twice in an episode


async def test_no_fault_loses_doubles_or_invents_anything(tmp_path: Path) -> None:
    outcome = await session(tmp_path, 7, SHORT)
    assert outcome.is_clean, f"{table(outcome.rows)}\n{outcome.broken}"
    assert set(outcome.rows) == set(SHORT)
    assert sum(row.messages for row in outcome.rows.values()) > 1000
    assert sum(row.polls for row in outcome.rows.values()) > 50
    assert outcome.kills >= 7


async def test_the_driver_finds_an_acknowledgement_before_the_commit(tmp_path: Path) -> None:
    outcome = await session(tmp_path, 7, [KILL], twist="acknowledge-first", patience_s=5.0)
    assert sum(row.lost for row in outcome.rows.values()) > 0


async def test_the_driver_finds_redeliveries_that_are_taken_for_news(tmp_path: Path) -> None:
    outcome = await session(tmp_path, 7, [KILL, KILL], twist="forget-receipts", patience_s=5.0)
    assert sum(row.duplicated for row in outcome.rows.values()) > 0


async def test_an_hour_without_the_store_is_drained_whole(tmp_path: Path) -> None:
    done = await drain(tmp_path, hours=1.0, rate=10.0)
    assert done.readings == 36_000


@pytest.fixture
def ledger() -> Ledger:
    """Three messages, of which the last was not acknowledged, and four polls."""
    ledger = Ledger()
    ledger.begin("fault")
    for number, place in enumerate((Place.STORE, Place.DEAD, Place.STORE)):
        ledger.said(Key("talker", number), place)
    for number in (0, 1):
        ledger.acknowledged(Key("talker", number))
    for number in range(4):
        ledger.polled("bus", Key("meter", number))
    ledger.settle_polls([(0.0, float("inf"))])
    return ledger


def found(ledger: Ledger) -> Found:
    """All of it where it belongs."""
    whole = Found()
    whole.stored.update(key for key, saying in ledger.sayings.items() if saying.place is Place.STORE)
    whole.dead.update(key for key, saying in ledger.sayings.items() if saying.place is Place.DEAD)
    return whole


def test_the_account_is_clean_if_all_is_where_it_belongs(ledger: Ledger) -> None:
    row = ledger.account(found(ledger))["fault"]
    assert row.is_clean
    assert (row.messages, row.polls, row.set_aside) == (2, 2, 1)


def test_what_nobody_promised_may_be_missing(ledger: Ledger) -> None:
    some = found(ledger)
    del some.stored[Key("talker", 2)], some.stored[Key("meter", 2)], some.stored[Key("meter", 3)]
    assert ledger.account(some)["fault"].is_clean


@pytest.mark.parametrize("key", [Key("talker", 0), Key("talker", 1), Key("meter", 0), Key("meter", 1)])
def test_what_is_nowhere_is_lost(ledger: Ledger, key: Key) -> None:
    some = found(ledger)
    some.stored.pop(key, None)
    some.dead.discard(key)
    assert ledger.missing(some) == ledger.account(some)["fault"].lost == 1
    some.damaged.add(key)  # unless the driver has destroyed it
    assert ledger.account(some)["fault"].is_clean


def test_what_is_there_twice_in_the_wrong_place_or_never_said_is_told(ledger: Ledger) -> None:
    some = found(ledger)
    some.stored[Key("talker", 0)] += 1
    some.stored[Key("talker", 1)] += 1
    some.stored[Key("stranger", 5)] += 1
    rows = ledger.account(some)
    assert (rows["fault"].duplicated, rows["fault"].unexplained, rows["fault"].lost) == (1, 1, 0)
    assert rows["never said"].unexplained == 1


def test_a_poll_is_sure_only_if_the_same_process_asked_twice_again() -> None:
    fresh = Ledger()
    fresh.begin("fault")
    fresh.polled("bus", Key("meter", 1))
    fresh.polled("bus", Key("meter", 2))
    fresh.settle_polls([(0.0, float("inf"))])
    assert not fresh.sayings[Key("meter", 1)].sure
