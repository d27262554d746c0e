"""Users, sessions, tokens and the log in their database."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboards.web.access.accounts import Accounts, Person
from dashboards.web.access.rights import Role
from dashboards.web.access.throttle import Throttle
from dashboards.web.access.visitor import NOBODY
from metering.instant import DAY, HOUR, MINUTE
from metering.kept_format import FormatTooNew

NOW_US = 1_774_000_000_000_000
PASSWORD = "correct horse battery staple"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "accounts.db"


@pytest.fixture
def accounts(file: Path) -> Iterator[Accounts]:
    found = Accounts(f"sqlite:///{file}", idle_us=2 * HOUR, longest_us=6 * HOUR)
    found.add("erika", Role.FACILITY_MANAGER, NOW_US, password=PASSWORD, buildings=["kita"], who="test")
    yield found
    found.close()


def test_what_opens_a_door_is_not_in_the_file(accounts: Accounts, file: Path) -> None:
    session = accounts.begin("erika", NOW_US, "::1", how="password")
    token = accounts.new_token("erika", "", ["read:values"], 1, NOW_US, who="test")
    kept = file.read_bytes()
    assert all(secret.encode() not in kept for secret in (PASSWORD, session, token))
    assert b"$argon2id$" in kept
    assert file.stat().st_mode & 0o077 == 0


def test_passwords(accounts: Accounts) -> None:
    assert accounts.check("erika", PASSWORD)
    assert not accounts.check("erika", PASSWORD[:-1])
    assert not accounts.check("erika", "")
    assert not accounts.check("nobody", PASSWORD)
    accounts.set_disabled("erika", NOW_US, is_disabled=True, who="test")
    assert not accounts.check("erika", PASSWORD)


@pytest.mark.parametrize(
    ("name", "password"), [("erika", PASSWORD), ("", PASSWORD), ("x" * 61, PASSWORD), ("x", "short")]
)
def test_users_that_cannot_be(accounts: Accounts, name: str, password: str) -> None:
    with pytest.raises(ValueError, match=r"already|characters"):
        accounts.add(name, Role.ENGINEER, NOW_US, password=password, buildings=None, who="test")


def test_a_facility_manager_without_buildings_is_refused(accounts: Accounts) -> None:
    with pytest.raises(ValueError, match="building"):
        accounts.add("x", Role.FACILITY_MANAGER, NOW_US, password=PASSWORD, buildings=None, who="test")


def test_a_session_ends_by_idleness_and_in_any_case(accounts: Accounts) -> None:
    session = accounts.begin("erika", NOW_US, "::1", how="password")
    for hour in range(1, 7):
        assert accounts.visitor(session, NOW_US + hour * HOUR, is_seen=True).name == "erika"
    assert accounts.visitor(session, NOW_US + 6 * HOUR + 1, is_seen=True) == NOBODY
    session = accounts.begin("erika", NOW_US, "::1", how="password")
    assert accounts.visitor(session, NOW_US + HOUR, is_seen=False).buildings == {"kita"}
    assert accounts.visitor(session, NOW_US + 2 * HOUR + 1, is_seen=True) == NOBODY
    assert accounts.visitor(session, NOW_US, is_seen=True) == NOBODY


def test_another_password_ends_all_sessions(accounts: Accounts) -> None:
    sessions = [accounts.begin("erika", NOW_US, "::1", how="password") for _ in range(2)]
    accounts.set_password("erika", PASSWORD + "!", NOW_US, who="erika")
    assert all(accounts.visitor(session, NOW_US, is_seen=True) == NOBODY for session in sessions)
    assert accounts.check("erika", PASSWORD + "!")
    assert not accounts.check("erika", PASSWORD)


def test_a_disabled_user_has_neither_session_nor_token(accounts: Accounts) -> None:
    session = accounts.begin("erika", NOW_US, "::1", how="password")
    token = accounts.new_token("erika", "", ["read:values"], 1, NOW_US, who="test")
    accounts.set_disabled("erika", NOW_US, is_disabled=True, who="test")
    assert accounts.visitor(session, NOW_US, is_seen=True) == NOBODY
    assert accounts.bearer(token, NOW_US) == NOBODY
    with pytest.raises(LookupError):
        accounts.begin("erika", NOW_US, "::1", how="password")


def test_a_token_ends_in_time(accounts: Accounts) -> None:
    token = accounts.new_token("erika", "", ["read:values"], 1, NOW_US, who="test")
    assert accounts.bearer(token, NOW_US + DAY - 1).scopes == {"read:values"}
    assert accounts.bearer(token, NOW_US + DAY) == NOBODY
    with pytest.raises(ValueError, match="known: read:estate"):
        accounts.new_token("erika", "", ["read:all"], 1, NOW_US, who="test")


def test_a_provider_cannot_take_over_a_local_user(accounts: Accounts) -> None:
    with pytest.raises(LookupError, match="another user's"):
        accounts.begin_federated(Person("https://id#1", "erika", Role.OPERATOR, None), NOW_US, "::1")
    person = Person("https://id#2", "max", Role.ENGINEER, None)
    accounts.begin_federated(person, NOW_US, "::1")
    session = accounts.begin_federated(Person("https://id#2", "max", Role.CLIMATE_OFFICE, None), NOW_US, "::1")
    assert accounts.visitor(session, NOW_US, is_seen=True).role == Role.CLIMATE_OFFICE
    assert not accounts.check("max", "")


def test_the_log_tells_who_did_what(accounts: Accounts) -> None:
    session = accounts.begin("erika", NOW_US + 1, "192.0.2.7", how="password")
    accounts.end(session, NOW_US + 2, "192.0.2.7")
    accounts.end(session, NOW_US + 3, "192.0.2.7")
    found = [(entry.who, entry.action, entry.subject, entry.address) for entry in accounts.log()]
    assert found == [
        ("erika", "signed out", "", "192.0.2.7"),
        ("erika", "signed in", "", "192.0.2.7"),
        ("test", "user added", "erika", ""),
    ]


def test_a_newer_database_is_left_alone(accounts: Accounts, file: Path) -> None:
    accounts.close()
    with sqlite3.connect(file) as connection:
        connection.execute("update schema set version = 2")
    with pytest.raises(FormatTooNew, match=r"has format 2, .* up to 1"):
        Accounts(f"sqlite:///{file}")


def test_waits_double_up_to_the_longest_and_are_forgotten() -> None:
    now = 0.0
    throttle = Throttle(3, 10.0, 100.0, lambda: now)
    waits = []
    for _ in range(8):
        throttle.failed("x")
        waits.append(throttle.wait_s("x"))
    assert waits == [0.0, 0.0, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
    assert throttle.wait_s("y") == 0.0
    now = 200.0
    throttle.failed("x")
    assert throttle.wait_s("x") == 0.0


def test_minutes_between_pages_are_not_written_each_time(accounts: Accounts, file: Path) -> None:
    session = accounts.begin("erika", NOW_US, "::1", how="password")
    before = file.read_bytes()
    accounts.visitor(session, NOW_US + MINUTE // 2, is_seen=True)
    assert file.read_bytes() == before
