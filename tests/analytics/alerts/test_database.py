"""The tables: carried forward from the first version, refused if from a newer one."""

import sqlite3
from pathlib import Path

import pytest

from analytics.alerts.alert import State
from analytics.alerts.book import AlertBook
from analytics.alerts.database import VERSION
from metering.instant import HOUR
from metering.kept_format import FormatTooNew
from tests.analytics.alerts.conftest import NOW, finding

FIRST = """
CREATE TABLE alert (id TEXT NOT NULL, cause TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL,
    building TEXT NOT NULL, severity BIGINT NOT NULL, state TEXT NOT NULL, first_us BIGINT NOT NULL,
    last_us BIGINT NOT NULL, opened_us BIGINT NOT NULL, title TEXT NOT NULL, explanation TEXT NOT NULL,
    evidence BLOB NOT NULL, excess BLOB, resolved_us BIGINT, muted_until_us BIGINT, PRIMARY KEY (id));
CREATE INDEX ix_alert_cause ON alert (cause);
CREATE INDEX ix_alert_state ON alert (state);
CREATE TABLE alert_entry (time_us BIGINT NOT NULL, who TEXT NOT NULL, action TEXT NOT NULL, text TEXT NOT NULL,
    alert TEXT NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (id), FOREIGN KEY(alert) REFERENCES alert (id));
CREATE INDEX ix_alert_entry_alert ON alert_entry (alert);
CREATE TABLE alert_delivery (alert TEXT NOT NULL, channel TEXT NOT NULL, attempts BIGINT NOT NULL,
    next_us BIGINT NOT NULL, delivered_us BIGINT, PRIMARY KEY (alert, channel));
"""
"""As the first version made them."""


def test_the_first_tables_are_carried_forward_with_what_they_hold(tmp_path: Path) -> None:
    path = tmp_path / "alerts.db"
    old = sqlite3.connect(path)
    old.executescript(FIRST)
    row = ("m1.a", "m1:consumption", "leak", "m1", "school", 1, "resolved", NOW, NOW, NOW, "Leck", "viel", b"{}")
    old.execute(f"INSERT INTO alert VALUES ({', '.join('?' * 13)}, NULL, ?, NULL)", (*row, NOW + HOUR))
    old.execute("INSERT INTO alert_entry VALUES (?, 'Ali', 'commented', 'x', 'm1.a', 1)", (NOW,))
    old.commit()
    old.close()
    for _ in range(2):
        book = AlertBook(f"sqlite:///{path}")
        alert = book.get("m1.a")
        assert (alert.assignee, alert.verdict, alert.history[0].who) == ("", None, "Ali")
        book.close()
    book = AlertBook(f"sqlite:///{path}")
    assert book.report(finding(NOW, NOW + HOUR), NOW + HOUR).state is State.RESOLVED
    assert book.report(finding(NOW, NOW + 2 * HOUR), NOW + 2 * HOUR).state is State.OPEN
    assert book.sensitivities() == {}
    book.close()


def test_tables_of_a_newer_version_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "alerts.db"
    AlertBook(f"sqlite:///{path}").close()
    database = sqlite3.connect(path)
    assert database.execute("SELECT version FROM alert_schema").fetchall() == [(VERSION,)]
    database.execute("UPDATE alert_schema SET version = 99")
    database.commit()
    with pytest.raises(FormatTooNew, match="has format 99"):
        AlertBook(f"sqlite:///{path}")
    assert database.execute("SELECT version FROM alert_schema").fetchall() == [(99,)]
    database.close()
