"""The tables of the alert book."""

from typing import Any, ClassVar

from sqlalchemy import BigInteger, ForeignKey, Integer, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, mapped_column, relationship
from sqlalchemy.types import TypeEngine


class Base(MappedAsDataclass, DeclarativeBase):
    type_annotation_map: ClassVar[dict[type, type[TypeEngine[Any]]]] = {int: BigInteger, str: Text}


class AlertRow(Base):
    """An `analytics.alerts.alert.Alert`; evidence and excess are JSON."""

    __tablename__ = "alert"

    id: Mapped[str] = mapped_column(primary_key=True)
    cause: Mapped[str] = mapped_column(index=True)
    kind: Mapped[str]
    subject: Mapped[str]
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


class DeliveryRow(Base):
    """An attempt to tell a channel of an alert; ``channel`` is a digest, since the URL holds secrets."""

    __tablename__ = "alert_delivery"

    alert: Mapped[str] = mapped_column(ForeignKey("alert.id"), primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    attempts: Mapped[int] = mapped_column(default=0)
    next_us: Mapped[int] = mapped_column(default=0)
    delivered_us: Mapped[int | None] = mapped_column(default=None)
