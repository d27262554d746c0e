"""The alert book: one cause, one alert, from its first sign to its end. SQLite here, PostgreSQL by URL.

Every method is one transaction, may be called from any thread and may take a moment of disk: from a coroutine call it
with ``asyncio.to_thread``. Several processes may share one book.
"""

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session

from analytics.alerts.alert import Alert, Finding, State, Verdict
from analytics.alerts.database import Database
from analytics.alerts.outbox import Outbox
from analytics.alerts.rows import as_alert, new_row, take_over
from analytics.alerts.sensitivity import sensitivity
from analytics.alerts.tables import AlertRow, EntryRow
from analytics.anomaly.detector import NEWS
from metering.event import Severity
from metering.instant import DAY, HOUR

SYSTEM = "Leitwarte"
"""Who is named in the history for what happens by itself."""

_BY_HAND_US = 6 * HOUR  # what was seen to by hand may show signs for so long: many of them look back over hours
_NEVER_US = 2**62


class AlertBook:
    """The alerts in the database at ``url`` (SQLAlchemy's form); its tables are made, or carried forward, at need.

    ``merge_us`` is within what time a returning cause continues its alert. Raises FormatTooNew.
    """

    def __init__(self, url: str = "sqlite:///alerts.db", *, merge_us: int = 24 * HOUR) -> None:
        self._merge_us = merge_us
        self.database = Database(url)
        """Where it is kept; the journal of meter exchanges is there too (`analytics.exchange_book`)."""
        self.outbox = Outbox(self.database)
        """What is to be told of the alerts, and whether it was."""

    def close(self) -> None:
        """Release the database connections."""
        self.database.close()

    def report(self, finding: Finding, now_us: int) -> Alert:
        """Open an alert for the finding, or continue the one it belongs to.

        One that was resolved opens again if there are signs from after that; from six hours after that if somebody
        resolved it by hand; never if it was a false alarm: that is over when the signs are. One that goes on and
        becomes much worse is raised as that, even if somebody takes care of what it was.
        """
        with self.database.session() as session:
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
                row = new_row(finding, SYSTEM, now_us)
                session.add(row)
                return as_alert(row)
            before = as_alert(row)
            if row.verdict == Verdict.FALSE_ALARM and row.state == State.RESOLVED:
                row.last_us = max(row.last_us, finding.last_us)
            elif row.state != State.RESOLVED or finding.last_us > (row.reopens_us or 0):
                if row.state == State.RESOLVED:
                    _open(row, SYSTEM, "", now_us)
                    row.rarity = finding.rarity
                elif _is_worse(finding, before, row.rarity, now_us):
                    row.state, row.rarity = State.OPEN, max(row.rarity, finding.rarity)
                    _note(row, SYSTEM, "worsened", row.title, now_us)
                take_over(row, finding)
            return _noted(row, before, now_us)

    def resolve_quiet(self, now_us: int, quiet_us: int, kinds: Sequence[str] | None = None) -> Sequence[Alert]:
        """Resolve what has shown no sign for ``quiet_us``, of the given kinds or all; returns what was resolved."""
        with self.database.session() as session:
            quiet = select(AlertRow).where(AlertRow.state != State.RESOLVED, AlertRow.last_us < now_us - quiet_us)
            if kinds is not None:
                quiet = quiet.where(AlertRow.kind.in_(kinds))
            rows = session.scalars(quiet).all()
            for row in rows:
                _close(row, SYSTEM, "", now_us, reopens_us=now_us)
            return [as_alert(row) for row in rows]

    def acknowledge(self, alert_id: str, who: str, comment: str, now_us: int) -> Alert:
        """``who`` takes care of it. Raises LookupError for an unknown alert, as all that follow do."""

        def change(row: AlertRow) -> None:
            if row.state == State.OPEN:
                row.state = State.ACKNOWLEDGED
            row.assignee = row.assignee or who
            _note(row, who, "acknowledged", comment, now_us)

        return self._change(alert_id, change, now_us)

    def assign(self, alert_id: str, assignee: str, who: str, now_us: int) -> Alert:
        """``assignee`` is to take care of it; "" for nobody."""

        def change(row: AlertRow) -> None:
            row.assignee = assignee
            _note(row, who, "assigned", assignee, now_us)

        return self._change(alert_id, change, now_us)

    def comment(self, alert_id: str, who: str, text: str, now_us: int) -> Alert:
        return self._change(alert_id, lambda row: _note(row, who, "commented", text, now_us), now_us)

    def mute(self, alert_id: str, until_us: int | None, who: str, comment: str, now_us: int) -> Alert:
        """Send nothing about it until then; None ends the silence."""

        def change(row: AlertRow) -> None:
            row.muted_until_us = until_us
            _note(row, who, "muted" if until_us else "unmuted", comment, now_us)

        return self._change(alert_id, change, now_us)

    def resolve(self, alert_id: str, who: str, comment: str, now_us: int) -> Alert:
        """It has been seen to. Nothing happens to one that is resolved."""

        def change(row: AlertRow) -> None:
            if row.state != State.RESOLVED:
                _close(row, who, comment, now_us, reopens_us=now_us + _BY_HAND_US)

        return self._change(alert_id, change, now_us)

    def reopen(self, alert_id: str, who: str, comment: str, now_us: int) -> Alert:
        """It is not over after all; a verdict on it is taken back. Nothing happens to one that is open."""

        def change(row: AlertRow) -> None:
            if row.state == State.RESOLVED:
                row.verdict = None
                row.last_us = max(row.last_us, now_us)
                _open(row, who, comment, now_us)

        return self._change(alert_id, change, now_us)

    def judge(self, alert_id: str, verdict: Verdict, who: str, comment: str, now_us: int) -> Alert:
        """What people found. A false alarm is resolved with that; the newest verdict counts."""

        def change(row: AlertRow) -> None:
            row.verdict = verdict
            _note(row, who, verdict, comment, now_us)
            if verdict is Verdict.FALSE_ALARM and row.state != State.RESOLVED:
                _close(row, who, "", now_us, reopens_us=_NEVER_US)

        return self._change(alert_id, change, now_us)

    def sensitivities(self, subject: str | None = None) -> Mapping[tuple[str, str], float]:
        """The factors other than 1 on how readily alerts are raised, by subject and kind, of one subject or all."""
        number = [
            func.sum(case((AlertRow.verdict == verdict, 1), else_=0))
            for verdict in (Verdict.FALSE_ALARM, Verdict.CONFIRMED)
        ]
        judged = select(AlertRow.subject, AlertRow.kind, *number).where(AlertRow.verdict.is_not(None))
        if subject is not None:
            judged = judged.where(AlertRow.subject == subject)
        with self.database.session() as session:
            found = session.execute(judged.group_by(AlertRow.subject, AlertRow.kind)).all()
        factors = {(who, kind): sensitivity(int(false), int(right)) for who, kind, false, right in found}
        return {key: factor for key, factor in factors.items() if factor != 1}

    def get(self, alert_id: str) -> Alert:
        with self.database.session() as session:
            return as_alert(_get(session, alert_id))

    def similar(self, alert: Alert, limit: int = 3) -> Sequence[Alert]:
        """Earlier alerts of the same kind: of the same subject first, then of its building, then any; newest first."""
        near = case((AlertRow.subject == alert.subject, 0), (AlertRow.building == alert.building, 1), else_=2)
        earlier = (AlertRow.kind == alert.kind, AlertRow.id != alert.id, AlertRow.first_us < alert.first_us)
        with self.database.session() as session:
            rows = session.scalars(
                select(AlertRow).where(*earlier).order_by(near, AlertRow.first_us.desc()).limit(limit)
            )
            return [as_alert(row) for row in rows]

    def changed_since(self, instant_us: int) -> Sequence[Alert]:
        """The alerts whose event has changed since then."""
        return self._alerts(AlertRow.changed_us >= instant_us, limit=None)

    def counts(self) -> Mapping[Severity, int]:
        """How many alerts of each severity are not resolved."""
        with self.database.session() as session:
            found = session.execute(
                select(AlertRow.severity, func.count())
                .where(AlertRow.state != State.RESOLVED)
                .group_by(AlertRow.severity)
            ).all()
        return {Severity(severity): number for severity, number in found}

    def list(
        self, *, only_open: bool = False, building: str | None = None, subject: str | None = None, limit: int = 1000
    ) -> Sequence[Alert]:
        """The alerts, those with the newest beginning first; ``limit`` counts from there."""
        where = [AlertRow.state != State.RESOLVED] if only_open else []
        where += [AlertRow.building == building] if building is not None else []
        where += [AlertRow.subject == subject] if subject is not None else []
        return self._alerts(*where, limit=limit)

    def _alerts(self, *where: ColumnElement[bool], limit: int | None) -> Sequence[Alert]:
        with self.database.session() as session:
            rows = session.scalars(select(AlertRow).where(*where).order_by(AlertRow.first_us.desc()).limit(limit))
            return [as_alert(row) for row in rows]

    def _change(self, alert_id: str, change: Callable[[AlertRow], None], now_us: int) -> Alert:
        with self.database.session() as session:
            row = _get(session, alert_id)
            before = as_alert(row)
            change(row)
            return _noted(row, before, now_us)


def _is_worse(finding: Finding, alert: Alert, told_rarity: float, now_us: int) -> bool:
    """Whether it is news: it matters more, or is `NEWS` times rarer than told, and something else or a day later.

    Within a day, what is at fault grows rarer by itself.
    """
    is_rarer = finding.rarity >= NEWS * told_rarity > 0
    is_else = finding.kind != alert.kind or now_us - alert.raised_us >= DAY
    return finding.severity > alert.severity or (is_rarer and is_else)


def _get(session: Session, alert_id: str) -> AlertRow:
    row = session.get(AlertRow, alert_id)
    if row is None:
        raise LookupError(f"there is no alert {alert_id!r}")
    return row


def _note(row: AlertRow, who: str, action: str, text: str, now_us: int) -> None:
    row.history.append(EntryRow(now_us, who, action, text))


def _open(row: AlertRow, who: str, comment: str, now_us: int) -> None:
    row.state, row.resolved_us, row.reopens_us = State.OPEN, None, None
    _note(row, who, "reopened", comment, now_us)


def _close(row: AlertRow, who: str, comment: str, now_us: int, *, reopens_us: int) -> None:
    row.state, row.resolved_us, row.reopens_us, row.changed_us = State.RESOLVED, now_us, reopens_us, now_us
    _note(row, who, "resolved", comment, now_us)


def _noted(row: AlertRow, before: Alert, now_us: int) -> Alert:
    after = as_alert(row)
    if after.event() != before.event():
        row.changed_us = now_us
    return after
