"""``leitwarte users`` as its user calls it."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from dashboards.web.access.accounts import Accounts
from dashboards.web.access.rights import Role
from leitwarte.cli import app

PASSWORD = "correct horse battery staple"
SETTINGS = """\
data_dir: data
sites:
- id: mitte
  buildings:
  - id: kita
web:
  sign_in: local
"""
Call = Callable[..., Result]


@pytest.fixture
def call(tmp_path: Path) -> Call:
    """Calls the command; ``typed`` is its standard input."""
    (tmp_path / "leitwarte.yaml").write_text(SETTINGS, "utf-8")

    def called(*words: str, typed: str = "") -> Result:
        return CliRunner().invoke(app, ["users", *words, "-c", str(tmp_path / "leitwarte.yaml")], input=typed)

    return called


def test_the_way_of_a_user(call: Call, tmp_path: Path) -> None:
    added = call("add", "erika", "--role", "facility_manager", "--building", "kita", typed=PASSWORD + "\n")
    assert added.exit_code == 0, added.output
    token = call("token", "erika", "--scope", "read:values").output.strip()
    accounts = Accounts(f"sqlite:///{tmp_path / 'data' / 'accounts.db'}")
    assert accounts.check("erika", PASSWORD)
    assert accounts.bearer(token, 0).role == Role.FACILITY_MANAGER
    assert call("passwd", "erika", typed=PASSWORD + "!\n").exit_code == 0
    assert (accounts.check("erika", PASSWORD), accounts.check("erika", PASSWORD + "!")) == (False, True)
    assert call("disable", "erika").exit_code == 0
    assert not accounts.check("erika", PASSWORD + "!")
    assert "disabled" in call("list").output
    assert call("disable", "erika", "--undo").exit_code == 0
    assert accounts.check("erika", PASSWORD + "!")
    assert [entry.action for entry in accounts.log()] == [
        "user enabled",
        "user disabled",
        "password changed",
        "token made",
        "user added",
    ]
    accounts.close()


@pytest.mark.parametrize(
    ("words", "typed", "said"),
    [
        (("add", "x", "--role", "engineer"), "short", "at least 12"),
        (("add", "x", "--role", "engineer", "--building", "nowhere"), PASSWORD, "known: kita"),
        (("add", "x", "--role", "facility_manager"), PASSWORD, "at least one building"),
        (("add", "x", "--role", "king"), PASSWORD, "king"),
        (("passwd", "x"), PASSWORD, "no user 'x'"),
        (("disable", "x"), "", "no user 'x'"),
        (("token", "x", "--scope", "read:values"), "", "no user 'x'"),
        (("token", "x", "--scope", "all"), "", "unknown scope 'all'"),
    ],
)
def test_what_cannot_be_is_said(call: Call, words: tuple[str, ...], typed: str, said: str) -> None:
    result = call(*words, typed=typed)
    assert result.exit_code == 2
    assert said in result.output


@pytest.mark.parametrize("words", [("list",), ("token", "erika", "--scope", "read:values")])
def test_a_file_that_is_no_database_is_named(call: Call, tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "accounts.db").write_bytes(b"no database" * 500)
    outcome = call(*words)
    assert outcome.exit_code == 1
    assert "data/accounts.db cannot be used: file is not a database" in outcome.output.replace("\n", "")


def test_a_database_without_its_tables_is_named(call: Call, tmp_path: Path) -> None:
    assert call("list").exit_code == 0
    with closing(sqlite3.connect(tmp_path / "data" / "accounts.db")) as connection:
        connection.execute("DROP TABLE user")
        connection.execute("CREATE VIEW user AS SELECT 1")
        connection.commit()
    outcome = call("list")
    assert outcome.exit_code == 1
    assert "cannot be used: no such column" in outcome.output.replace("\n", " ")
