"""The tables of the alert book. A change of a table that exists needs a step in `analytics.alerts.database`."""

from typing import Any, ClassVar

from sqlalchemy import BigInteger, Double, ForeignKey, Integer, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, mapped_column, relationship
from sqlalchemy.types import TypeEngine


class Base(MappedAsDataclass, DeclarativeBase):
    type_annotation_map: ClassVar[dict[type, type[TypeEngine[Any]]]] = {int: BigInteger, float: Double, str: Text}


class AlertRow(Base):
    """An `analytics.alerts.alert.Alert`; evidence and excess are JSON.

    reopens_us  signs from after it open a resolved alert again
    changed_us  when what its event says changed last
    rarity      of the finding when it was raised last, see `analytics.alerts.alert.Finding`
    """

    __tablename__ = "alert"

    id: Mapped[str] = mapped_column(primary_key=True)
    cause: Mapped[str] = mapped_column(index=True)
    kind: Mapped[str]
    subject: Mapped[str] = mapped_column(index=True)
    building: Mapped[str]
    severity: Mapped[int]
    state: Mapped[str] = mapped_column(index=True)
    first_us: Mapped[int]
    last_us: Mapped[int]
    opened_us: Mapped[int]
    title: Mapped[str]
    explanation: Mapped[str]
    evidence: Mapped[bytes]
    excess: Mapped[bytes | None]
    resolved_us: Mapped[int | None] = mapped_column(default=None)
    muted_until_us: Mapped[int | None] = mapped_column(default=None)
    assignee: Mapped[str] = mapped_column(default="", server_default="")
    verdict: Mapped[str | None] = mapped_column(default=None)
    changed_us: Mapped[int] = mapped_column(default=0, server_default="0", index=True)
    reopens_us: Mapped[int | None] = mapped_column(default=None)
    rarity: Mapped[float] = mapped_column(default=0.0, server_default="0")
    history: Mapped[list["EntryRow"]] = relationship(
        default_factory=list, cascade="all, delete-orphan", order_by="EntryRow.id", lazy="selectin"
    )


class EntryRow(Base):
    """One line of an alert's history."""

    __tablename__ = "alert_entry"

    time_us: Mapped[int]
    who: Mapped[str]
    action: Mapped[str]
    text: Mapped[str]
    alert: Mapped[str] = mapped_column(ForeignKey("alert.id"), default="", index=True)
    id: Mapped[int] = mapped_column(Integer, primary_key=True, init=False)


class MessageRow(Base):
    """One alert to be told to one channel, for one reason; ``turn`` as in `analytics.alerts.outbox.Message`."""

    __tablename__ = "alert_message"

    alert: Mapped[str] = mapped_column(ForeignKey("alert.id"), primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str] = mapped_column(primary_key=True)
    turn: Mapped[int] = mapped_column(primary_key=True)
    created_us: Mapped[int]
    next_us: Mapped[int] = mapped_column(index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    delivered_us: Mapped[int | None] = mapped_column(default=None)
    error: Mapped[str] = mapped_column(default="", server_default="")


class ExchangeRow(Base):
    """One line of the journal of meter exchanges: an `analytics.exchange_book.Entry`."""

    __tablename__ = "meter_exchange"

    meter: Mapped[str] = mapped_column(index=True)
    time_us: Mapped[int]
    end_index: Mapped[float]
    start_index: Mapped[float]
    serial: Mapped[str]
    old_serial: Mapped[str]
    who: Mapped[str]
    entered_us: Mapped[int]
    note: Mapped[str]
    withdrawn: Mapped[bool]
    id: Mapped[int] = mapped_column(Integer, primary_key=True, init=False)


class SchemaRow(Base):
    """The version of these tables, in a single row."""

    __tablename__ = "alert_schema"

    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
