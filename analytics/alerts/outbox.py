"""What is to be told of the alerts: kept until it has arrived, tried again after failures, recorded either way."""

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import delete, or_, select

from analytics.alerts.alert import Alert, State
from analytics.alerts.database import Database
from analytics.alerts.rows import as_alert
from analytics.alerts.tables import AlertRow, MessageRow
from metering.instant import HOUR, MINUTE

_FIRST_RETRY_US = MINUTE
_LAST_RETRY_US = 6 * HOUR

OPENED, WORSENED, ESCALATED = "opened", "worsened", "escalated"
"""Why something is told."""


class Message(msgspec.Struct, frozen=True):
    """One alert to be told to one channel, for one reason: `OPENED`, `WORSENED` or `ESCALATED`.

    turn    days between the first time the alert was raised and this one: who was told today is not told again today;
            for one that has worsened how often it has
    due_us  not before this
    """

    alert: str
    channel: str
    reason: str
    turn: int
    due_us: int


class Delivery(msgspec.Struct, frozen=True):
    """What became of a message; ``next_us`` is when it is tried next, if it has not arrived."""

    channel: str
    reason: str
    created_us: int
    attempts: int
    next_us: int
    delivered_us: int | None
    error: str


class Outbox:
    """The messages in the alert book's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, messages: Iterable[Message], now_us: int) -> None:
        """Keep the messages; one that was put in before stays as it is.

        That an alert has worsened is told in place of what has not been told of it yet.
        """
        with self._database.session() as session:
            for message in messages:
                key = (message.alert, message.channel, message.reason, message.turn)
                if session.get(MessageRow, key) is not None:
                    continue
                if message.reason == WORSENED:
                    session.execute(
                        delete(MessageRow).where(
                            MessageRow.alert == message.alert,
                            MessageRow.channel == message.channel,
                            MessageRow.reason.in_((OPENED, WORSENED)),
                            MessageRow.delivered_us.is_(None),
                        )
                    )
                session.add(MessageRow(*key, created_us=now_us, next_us=message.due_us))

    def due(self, channel: str, now_us: int) -> Sequence[tuple[Message, Alert, int]]:
        """What the channel may be told now, the oldest first, with its alert and the number of failed attempts.

        Nothing is told of alerts that are muted, or that somebody takes care of, or that are over.
        """
        with self._database.session() as session:
            rows = session.execute(
                select(MessageRow, AlertRow)
                .join(AlertRow, AlertRow.id == MessageRow.alert)
                .where(
                    MessageRow.channel == channel,
                    MessageRow.delivered_us.is_(None),
                    MessageRow.next_us <= now_us,
                    AlertRow.state == State.OPEN,
                    or_(AlertRow.muted_until_us.is_(None), AlertRow.muted_until_us <= now_us),
                )
                .order_by(AlertRow.first_us)
            ).all()
            return [
                (Message(row.alert, row.channel, row.reason, row.turn, row.next_us), as_alert(alert), row.attempts)
                for row, alert in rows
            ]

    def record(self, messages: Iterable[Message], now_us: int, error: str = "") -> None:
        """Note an attempt; after one with an error the next is due in 1, 2, 4 … minutes, at most 6 hours."""
        with self._database.session() as session:
            for message in messages:
                row = session.get_one(MessageRow, (message.alert, message.channel, message.reason, message.turn))
                row.next_us = now_us + min(_FIRST_RETRY_US << min(row.attempts, 20), _LAST_RETRY_US)
                row.attempts += 1
                row.delivered_us, row.error = (None, error) if error else (now_us, "")

    def deliveries(self, alert_id: str) -> Sequence[Delivery]:
        """What became of the messages about an alert, the oldest first."""
        with self._database.session() as session:
            rows = session.scalars(
                select(MessageRow)
                .where(MessageRow.alert == alert_id)
                .order_by(MessageRow.created_us, MessageRow.reason.desc(), MessageRow.channel)
            )
            return [
                Delivery(r.channel, r.reason, r.created_us, r.attempts, r.next_us, r.delivered_us, r.error)
                for r in rows
            ]
