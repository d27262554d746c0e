"""The alert book: one cause, one alert, from its first sign to its end. SQLite here, PostgreSQL by URL.

Every method is one transaction, may be called from any thread and may take a moment of disk: from a coroutine call it
with ``asyncio.to_thread``. Several processes may share one book.
"""

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
from sqlalchemy import ColumnElement, Connection, Engine, create_engine, event, func, or_, select
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from analytics.alerts.alert import Alert, Entry, Evidence, Excess, Finding, State
from analytics.alerts.tables import AlertRow, Base, DeliveryRow, EntryRow
from metering.event import Severity
from metering.instant import HOUR, MINUTE, to_datetime

SYSTEM = "Leitwarte"
"""Who is named in the history for what happens by itself."""

_FIRST_RETRY_US = MINUTE
_LAST_RETRY_US = 6 * HOUR


class AlertBook:
    """The alerts in the database at ``url`` (SQLAlchemy's form); its tables are made if they are missing.

    ``merge_us`` is within what time a returning cause continues its alert.
    """

    def __init__(self, url: str = "sqlite:///alerts.db", *, merge_us: int = 24 * HOUR) -> None:
        self._merge_us = merge_us
        self._lock = threading.Lock()
        address = make_url(url)
        sqlite = address.get_backend_name() == "sqlite"
        if sqlite and address.database:
            Path(address.database).parent.mkdir(parents=True, exist_ok=True)
        self._engine = create_engine(url, connect_args={"timeout": 30} if sqlite else {})
        if sqlite:
            _make_transactional(self._engine)
        Base.metadata.create_all(self._engine)

    def close(self) -> None:
        """Release the database connections."""
        self._engine.dispose()

    def report(self, finding: Finding, now_us: int) -> Alert:
        """Open an alert for the finding, or continue the one it belongs to.

        One that was resolved opens again if there are signs from after that.
        """
        with self._session() as session:
            row = session.scalars(
                select(AlertRow)
                .where(
                    AlertRow.cause == finding.cause,
                    AlertRow.first_us <= finding.last_us + self._merge_us,
                    AlertRow.last_us >= finding.first_us - self._merge_us,
                )
                .order_by(AlertRow.first_us.desc())
                .limit(1)
            ).one_or_none()
            if row is None:
                row = _new(finding, now_us)
                session.add(row)
            elif row.resolved_us is None or finding.last_us > row.resolved_us:
                _continue(row, finding, now_us)
            return _alert(row)

    def resolve_quiet(self, now_us: int, quiet_us: int, kinds: Sequence[str] | None = None) -> Sequence[Alert]:
        """Resolve what has shown no sign for ``quiet_us``, of the given kinds or all; returns what was resolved."""
        with self._session() as session:
            quiet = select(AlertRow).where(AlertRow.state != State.RESOLVED, AlertRow.last_us < now_us - quiet_us)
            if kinds is not None:
                quiet = quiet.where(AlertRow.kind.in_(kinds))
            rows = session.scalars(quiet).all()
            for row in rows:
                row.state, row.resolved_us = State.RESOLVED, now_us
                row.history.append(EntryRow(now_us, SYSTEM, "resolved", ""))
            return [_alert(row) for row in rows]

    def acknowledge(self, alert_id: str, who: str, comment: str, now_us: int) -> Alert:
        """Somebody takes care of it. Raises LookupError for an unknown alert, as all that follow do."""
        with self._session() as session:
            row = _get(session, alert_id)
            if row.state == State.OPEN:
                row.state = State.ACKNOWLEDGED
            row.history.append(EntryRow(now_us, who, "acknowledged", comment))
            return _alert(row)

    def comment(self, alert_id: str, who: str, text: str, now_us: int) -> Alert:
        with self._session() as session:
            row = _get(session, alert_id)
            row.history.append(EntryRow(now_us, who, "commented", text))
            return _alert(row)

    def mute(self, alert_id: str, until_us: int | None, who: str, comment: str, now_us: int) -> Alert:
        """Send nothing about it until then; None ends the silence."""
        with self._session() as session:
            row = _get(session, alert_id)
            row.muted_until_us = until_us
            row.history.append(EntryRow(now_us, who, "muted" if until_us else "unmuted", comment))
            return _alert(row)

    def get(self, alert_id: str) -> Alert:
        with self._session() as session:
            return _alert(_get(session, alert_id))

    def counts(self) -> Mapping[Severity, int]:
        """How many alerts of each severity are not resolved."""
        with self._session() as session:
            found = session.execute(
                select(AlertRow.severity, func.count())
                .where(AlertRow.state != State.RESOLVED)
                .group_by(AlertRow.severity)
            ).all()
        return {Severity(severity): number for severity, number in found}

    def undelivered(self, channel: str, now_us: int) -> Sequence[Alert]:
        """Open alerts, not muted, that the channel has not been told of and may be told of now."""
        told = select(DeliveryRow.alert).where(
            DeliveryRow.channel == channel,
            or_(DeliveryRow.delivered_us.is_not(None), DeliveryRow.next_us > now_us),
        )
        silent = or_(AlertRow.muted_until_us.is_(None), AlertRow.muted_until_us <= now_us)
        return self._alerts(AlertRow.state == State.OPEN, silent, AlertRow.id.not_in(told))

    def delivery(self, alert_id: str, channel: str, now_us: int, *, succeeded: bool) -> None:
        """Note an attempt; after a failure the next one is due in 1, 2, 4 … minutes, at most 6 hours."""
        with self._session() as session:
            row = session.get(DeliveryRow, (alert_id, channel))
            if row is None:
                row = DeliveryRow(alert_id, channel)
                session.add(row)
            row.next_us = now_us + min(_FIRST_RETRY_US << min(row.attempts, 20), _LAST_RETRY_US)
            row.attempts += 1
            row.delivered_us = now_us if succeeded else None

    def list(
        self, *, only_open: bool = False, building: str | None = None, subject: str | None = None, limit: int = 1000
    ) -> Sequence[Alert]:
        """The alerts, those with the newest beginning first; ``limit`` counts from there."""
        where = [AlertRow.state != State.RESOLVED] if only_open else []
        where += [AlertRow.building == building] if building is not None else []
        where += [AlertRow.subject == subject] if subject is not None else []
        return self._alerts(*where, limit=limit)

    def _alerts(self, *where: ColumnElement[bool], limit: int = 1000) -> Sequence[Alert]:
        with self._session() as session:
            rows = session.scalars(select(AlertRow).where(*where).order_by(AlertRow.first_us.desc()).limit(limit))
            return [_alert(row) for row in rows]

    @contextmanager
    def _session(self) -> Iterator[Session]:
        with self._lock, Session(self._engine) as session, session.begin():
            yield session


def _new(finding: Finding, now_us: int) -> AlertRow:
    begin = to_datetime(finding.first_us).strftime("%Y%m%dT%H%M%SZ")
    return AlertRow(
        id=f"{finding.cause.replace(':', '.')}.{begin}",
        cause=finding.cause,
        kind=finding.kind,
        subject=finding.subject,
        building=finding.building,
        severity=finding.severity,
        state=State.OPEN,
        first_us=finding.first_us,
        last_us=finding.last_us,
        opened_us=now_us,
        title=finding.title,
        explanation=finding.explanation,
        evidence=msgspec.json.encode(finding.evidence),
        excess=msgspec.json.encode(finding.excess) if finding.excess else None,
        history=[EntryRow(now_us, SYSTEM, "opened", "")],
    )


def _continue(row: AlertRow, finding: Finding, now_us: int) -> None:
    if row.state == State.RESOLVED:
        row.state, row.resolved_us = State.OPEN, None
        row.history.append(EntryRow(now_us, SYSTEM, "reopened", ""))
    row.kind, row.severity = finding.kind, max(row.severity, finding.severity)
    row.last_us = max(row.last_us, finding.last_us)
    row.title, row.explanation = finding.title, finding.explanation
    row.evidence = msgspec.json.encode(finding.evidence)
    row.excess = msgspec.json.encode(finding.excess) if finding.excess else row.excess


def _get(session: Session, alert_id: str) -> AlertRow:
    row = session.get(AlertRow, alert_id)
    if row is None:
        raise LookupError(f"there is no alert {alert_id!r}")
    return row


def _alert(row: AlertRow) -> Alert:
    return Alert(
        id=row.id,
        cause=row.cause,
        kind=row.kind,
        subject=row.subject,
        building=row.building,
        severity=Severity(row.severity),
        state=State(row.state),
        first_us=row.first_us,
        last_us=row.last_us,
        opened_us=row.opened_us,
        resolved_us=row.resolved_us,
        muted_until_us=row.muted_until_us,
        title=row.title,
        explanation=row.explanation,
        evidence=msgspec.json.decode(row.evidence, type=Evidence),
        excess=msgspec.json.decode(row.excess, type=Excess) if row.excess else None,
        history=tuple(Entry(entry.time_us, entry.who, entry.action, entry.text) for entry in row.history),
    )


def _make_transactional(engine: Engine) -> None:
    """Let SQLite lock when a transaction begins, so that processes that share the book wait for each other."""

    @event.listens_for(engine, "connect")
    def connected(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode=WAL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
