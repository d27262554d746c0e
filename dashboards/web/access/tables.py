"""The tables of accounts. Times are µs since the Unix epoch, UTC; what opens a door is kept as its SHA-256 only."""

from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, ForeignKey, Integer, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, mapped_column
from sqlalchemy.types import TypeEngine

VERSION = 1
"""Of these tables; a step from each older version to the next belongs into `accounts`."""


class Base(MappedAsDataclass, DeclarativeBase):
    type_annotation_map: ClassVar[dict[type, type[TypeEngine[Any]]]] = {int: BigInteger, str: Text, list[str]: JSON}


class SchemaRow(Base):
    __tablename__ = "schema"

    version: Mapped[int] = mapped_column(Integer, primary_key=True)


class UserRow(Base):
    """``buildings``: the only ones to be seen, or null for all. ``password``: argon2id, or null for sign-in elsewhere.

    ``subject`` is issuer and subject of an OpenID provider's user.
    """

    __tablename__ = "user"

    name: Mapped[str] = mapped_column(primary_key=True)
    role: Mapped[str]
    buildings: Mapped[list[str] | None]
    password: Mapped[str | None]
    subject: Mapped[str | None] = mapped_column(unique=True)
    created_us: Mapped[int]
    is_disabled: Mapped[bool] = mapped_column(default=False)


class SessionRow(Base):
    __tablename__ = "session"

    digest: Mapped[str] = mapped_column(primary_key=True)
    user: Mapped[str] = mapped_column(ForeignKey("user.name"), index=True)
    begun_us: Mapped[int]
    seen_us: Mapped[int]


class TokenRow(Base):
    """``id`` is what people call it by."""

    __tablename__ = "token"

    id: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(unique=True)
    user: Mapped[str] = mapped_column(ForeignKey("user.name"), index=True)
    purpose: Mapped[str]
    scopes: Mapped[list[str]]
    created_us: Mapped[int]
    expires_us: Mapped[int]


class AuditRow(Base):
    """Who did what to whom or what, from which network address."""

    __tablename__ = "audit"

    time_us: Mapped[int] = mapped_column(index=True)
    who: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str] = mapped_column(default="")
    detail: Mapped[str] = mapped_column(default="")
    address: Mapped[str] = mapped_column(default="")
    id: Mapped[int] = mapped_column(Integer, primary_key=True, init=False)
