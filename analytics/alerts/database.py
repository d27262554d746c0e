"""The database of the alerts: SQLite, or another by URL. Its schema has a version and is carried forward by itself."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, delete, event, insert, inspect, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from analytics.alerts.tables import Base, SchemaRow
from metering.kept_format import FormatTooNew, KeptUnusable

_STEPS: tuple[tuple[str, ...], ...] = (
    (
        "ALTER TABLE alert ADD COLUMN assignee TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE alert ADD COLUMN verdict TEXT",
        "ALTER TABLE alert ADD COLUMN changed_us BIGINT NOT NULL DEFAULT 0",
        "ALTER TABLE alert ADD COLUMN reopens_us BIGINT",
        "UPDATE alert SET reopens_us = resolved_us, changed_us = last_us",
        "CREATE INDEX ix_alert_subject ON alert (subject)",
        "CREATE INDEX ix_alert_changed_us ON alert (changed_us)",
        "DROP TABLE alert_delivery",
    ),
    ("ALTER TABLE alert ADD COLUMN rarity DOUBLE PRECISION NOT NULL DEFAULT 0",),
)
"""What leads from each version of the tables to the next, the first from 1 to 2. New tables are made by themselves."""

VERSION = len(_STEPS) + 1

_LOCK = 7_234_901  # PostgreSQL's, for all that work on alerts


class Database:
    """Sessions on the database at ``url`` (SQLAlchemy's form), whose tables are made or carried forward first.

    Raises FormatTooNew, and KeptUnusable if it cannot be reached or is no database.
    """

    def __init__(self, url: str) -> None:
        self._lock = threading.Lock()
        address = make_url(url)
        sqlite = address.get_backend_name() == "sqlite"
        if sqlite and address.database:
            Path(address.database).parent.mkdir(parents=True, exist_ok=True)
        self._engine = create_engine(url, connect_args={"timeout": 30} if sqlite else {}, pool_pre_ping=not sqlite)
        _take_turns(self._engine)
        try:
            with self._engine.begin() as connection:
                _carry_forward(connection)
        except SQLAlchemyError as error:
            raise KeptUnusable(f"the database of alerts {self._engine.url!r}", error) from error

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def session(self) -> Iterator[Session]:
        """One transaction; from any thread."""
        with self._lock, Session(self._engine) as session, session.begin():
            yield session


def _carry_forward(connection: Connection) -> None:
    known = inspect(connection)
    has_tables, has_version = known.has_table("alert"), known.has_table(SchemaRow.__tablename__)
    version = connection.scalar(select(SchemaRow.version)) if has_version else None
    if version is None:
        version = 1 if has_tables else VERSION
    if version > VERSION:
        raise FormatTooNew("the alert database", version, VERSION)
    for step in _STEPS[version - 1 :]:
        for statement in step:
            connection.execute(text(statement))
    Base.metadata.create_all(connection)
    connection.execute(delete(SchemaRow))
    connection.execute(insert(SchemaRow).values(version=VERSION))


def _take_turns(engine: Engine) -> None:
    """Let a transaction lock when it begins, so that processes that share the book wait for each other."""
    if engine.dialect.name == "postgresql":

        @event.listens_for(engine, "begin")
        def lock(connection: Connection) -> None:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")

    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def connected(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode=WAL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
