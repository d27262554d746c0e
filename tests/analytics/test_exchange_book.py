"""The journal of meter exchanges: what counts, what is refused, and that nothing is ever lost from it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from analytics.alerts.book import AlertBook
from analytics.exchange_book import ExchangeBook, with_recorded
from metering.estate import Carrier, Counter, Exchange, Meter, Role
from metering.formula import Formula
from metering.instant import DAY, HOUR, parse

AT = parse("2026-05-04T08:30:00Z")
NOW = AT + DAY
METER = Meter("main", "Schule", "school", Carrier.ELECTRICITY, Role.SUPPLY, "d", "active_energy_import",
              counter=Counter(rollover=1e6))  # fmt: skip
NOTED = Exchange(AT, 48_211.3, 137.4, "new", "old")


@pytest.fixture
def book(tmp_path: Path) -> Iterator[ExchangeBook]:
    alerts = AlertBook(f"sqlite:///{tmp_path}/alerts.db")
    yield ExchangeBook(alerts.database)
    alerts.close()


def test_the_newest_entry_of_a_meter_and_time_counts_and_all_stay(book: ExchangeBook) -> None:
    assert book.exchanges() == {}
    book.record(METER, NOTED, "Ali", NOW, "Zettel")
    right = Exchange(AT, 48_211.4, 137.4, "new", "old")
    book.record(METER, right, "Weber", NOW + HOUR)
    earlier = Exchange(AT - DAY, 1.0, 0.0, "first")
    book.record(METER, earlier, "Weber", NOW + HOUR)
    assert book.exchanges() == {"main": (earlier, right)}
    book.withdraw("main", AT, "Ali", NOW + 2 * HOUR)
    assert book.exchanges() == {"main": (earlier,)}
    assert [(entry.who, entry.exchange.end, entry.withdrawn) for entry in book.journal("main")] == [
        ("Ali", 48_211.3, False),
        ("Weber", 48_211.4, False),
        ("Weber", 1.0, False),
        ("Ali", 48_211.4, True),
    ]
    with pytest.raises(LookupError, match="no exchange of meter 'main' is recorded at 2026-05-04T08:30:00Z"):
        book.withdraw("main", AT, "Ali", NOW)


@pytest.mark.parametrize(
    ("exchange", "why"),
    [
        (Exchange(NOW + HOUR, 1.0, 0.0, "new"), "is still to come"),
        (Exchange(AT, -1.0, 0.0, "new"), "last index of the old meter cannot be -1 kWh"),
        (Exchange(AT, 1.0, 1e6, "new"), "first index of the new cannot be"),
        (Exchange(AT, float("nan"), 0.0, "new"), "cannot be nan"),
        (Exchange(AT, 1.0, 0.0, " "), "serial number of the new meter is missing"),
    ],
)
def test_what_cannot_be_is_refused(book: ExchangeBook, exchange: Exchange, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        book.record(METER, exchange, "Ali", NOW)
    assert book.journal() == []


def test_a_meter_without_register_has_none_to_exchange(book: ExchangeBook) -> None:
    rest = Meter.virtual(
        "rest", "Rest", "school", carrier=Carrier.HEAT, role=Role.SUPPLY, formula=Formula.parse("a - b")
    )
    with pytest.raises(ValueError, match="computed from others"):
        book.record(rest, NOTED, "Ali", NOW)
    imported = Meter.imported("rlm", "Lastgang", "school", carrier=Carrier.ELECTRICITY, role=Role.SUPPLY)
    with pytest.raises(ValueError, match="imported files alone"):
        book.record(imported, NOTED, "Ali", NOW)


def test_recorded_exchanges_stand_beside_those_of_the_settings() -> None:
    own = Exchange(AT - DAY, 1.0, 0.0, "settings")
    counter = Counter(exchanges=(own, Exchange(AT, 2.0, 0.0, "mistyped")))
    assert with_recorded(counter, [NOTED]).exchanges == (own, NOTED)
    assert with_recorded(counter, []) is counter
