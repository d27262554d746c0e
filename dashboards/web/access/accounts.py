"""Accounts: users, sessions, API tokens, and the log of who did what. SQLite here, PostgreSQL by URL.

Every method is one transaction, may be called from any thread and takes a moment of disk or, with passwords, of
processor time: from a coroutine call it with ``asyncio.to_thread``. Several processes may share one database.
"""

import hashlib
import secrets
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import create_engine, delete, inspect, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from dashboards.web.access.rights import SCOPES, Role
from dashboards.web.access.tables import VERSION, AuditRow, Base, SchemaRow, SessionRow, TokenRow, UserRow
from dashboards.web.access.visitor import NOBODY, Visitor
from metering.instant import DAY, MINUTE
from metering.kept_format import FormatTooNew, KeptUnusable

SHORTEST_PASSWORD, LONGEST_PASSWORD = 12, 1024
"""Characters. Length is what counts (NIST SP 800-63B-4, 3.1.1.2; BSI ORP.4.A22); no rules of composition."""
LONGEST_NAME = 60
TOKEN_PREFIX = "lw_"  # noqa: S105 -- so that scanners for leaked secrets know one
_TOKEN_BYTES = 32
_NOBODYS = "$argon2id$v=19$m=65536,t=3,p=4$JAT5pEvrzXGjzzn30zphmg$xlOfgysAccM0p3qNpjArISU/2aU+MzyOs7k6chYXY7o"
"""Of a password that nobody knows: what an unknown user's is checked against, for the time that it takes."""
_SEEN_EVERY_US = MINUTE
_LOG_KEPT_US = 730 * DAY


@dataclass(frozen=True, slots=True)
class User:
    """An account as it is told to others."""

    name: str
    role: Role
    buildings: frozenset[str] | None
    is_disabled: bool
    is_local: bool


@dataclass(frozen=True, slots=True)
class Person:
    """Whom an OpenID provider vouches for."""

    subject: str
    name: str
    role: Role
    buildings: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Token:
    """An API token as it is told to others: without itself."""

    id: str
    user: str
    purpose: str
    scopes: tuple[str, ...]
    created_us: int
    expires_us: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the log."""

    time_us: int
    who: str
    action: str
    subject: str
    detail: str
    address: str


class Accounts:
    """The accounts in the database at ``url`` (SQLAlchemy's form); its tables are made if they are missing.

    Sessions end ``idle_us`` after the last page and ``longest_us`` after sign-in. Raises ValueError for a database that
    a newer version has made, and KeptUnusable for what is no database.
    """

    def __init__(self, url: str, *, idle_us: int = 480 * MINUTE, longest_us: int = DAY) -> None:
        self._idle_us = idle_us
        self._longest_us = longest_us
        self._lock = threading.Lock()
        self._hasher = PasswordHasher()  # argon2id with the parameters of RFC 9106's second recommendation
        address = make_url(url)
        is_sqlite = address.get_backend_name() == "sqlite"
        if is_sqlite and address.database:
            path = Path(address.database)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
        self._engine = create_engine(url, connect_args={"timeout": 30} if is_sqlite else {})
        try:
            self._make()
        except SQLAlchemyError as error:
            raise KeptUnusable(f"the database of accounts {self._engine.url!r}", error) from error

    def close(self) -> None:
        """Release the database connections."""
        self._engine.dispose()

    # --- users

    def add(  # noqa: PLR0913
        self, name: str, role: Role, now_us: int, *, password: str | None, buildings: Collection[str] | None, who: str
    ) -> User:
        """A new user; without password one who signs in elsewhere. Raises ValueError, saying what is wrong."""
        if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
            raise ValueError(f"a name has 1 to {LONGEST_NAME} printable characters")
        if role == Role.FACILITY_MANAGER and not buildings:
            raise ValueError("a facility manager needs at least one building")
        hashed = self._hash(password) if password is not None else None
        with self._session() as session:
            if session.get(UserRow, name) is not None:
                raise ValueError(f"there is a user {name!r} already")
            row = UserRow(name, role, _sorted(buildings), hashed, None, now_us)
            session.add_all([row, AuditRow(now_us, who, "user added", name, role)])
            return _user(row)

    def users(self) -> Sequence[User]:
        """All users, by name."""
        with self._session() as session:
            return [_user(row) for row in session.scalars(select(UserRow).order_by(UserRow.name))]

    def user(self, name: str) -> User:
        """Raises LookupError."""
        with self._session() as session:
            return _user(_get(session, name))

    def set_password(self, name: str, password: str, now_us: int, *, who: str) -> None:
        """Ends all sessions of the user. Raises LookupError and ValueError."""
        hashed = self._hash(password)
        with self._session() as session:
            _get(session, name).password = hashed
            session.execute(delete(SessionRow).where(SessionRow.user == name))
            session.add(AuditRow(now_us, who, "password changed", name))

    def set_disabled(self, name: str, now_us: int, *, is_disabled: bool, who: str) -> None:
        """Let the user in no more, or again; ends all sessions, and tokens are good for nothing. Raises LookupError."""
        with self._session() as session:
            _get(session, name).is_disabled = is_disabled
            session.execute(delete(SessionRow).where(SessionRow.user == name))
            session.add(AuditRow(now_us, who, "user disabled" if is_disabled else "user enabled", name))

    # --- sign-in

    def check(self, name: str, password: str) -> bool:
        """Whether this is the password of a user who may come in. Takes as long if there is no such user."""
        with self._session() as session:
            row = session.get(UserRow, name)
            hashed = row.password if row is not None else None
            may = row is not None and not row.is_disabled and hashed is not None
        try:
            self._hasher.verify(hashed or _NOBODYS, password[: LONGEST_PASSWORD + 1])
        except (VerificationError, InvalidHashError):
            return False
        return may

    def begin(self, name: str, now_us: int, address: str, *, how: str) -> str:
        """A new session of the user; returns its id, which only the browser may know. Raises LookupError."""
        id_ = secrets.token_urlsafe(_TOKEN_BYTES)
        with self._session() as session:
            if _get(session, name).is_disabled:
                raise LookupError(f"the user {name!r} is disabled")
            session.execute(delete(SessionRow).where(SessionRow.begun_us < now_us - self._longest_us))
            session.execute(delete(AuditRow).where(AuditRow.time_us < now_us - _LOG_KEPT_US))
            session.add_all(
                [SessionRow(_digest(id_), name, now_us, now_us), AuditRow(now_us, name, "signed in", "", how, address)]
            )
        return id_

    def begin_federated(self, person: Person, now_us: int, address: str) -> str:
        """A new session of an OpenID provider's user, whose role and buildings are what the provider says now.

        Raises LookupError if the user is disabled, or a local user has the name.
        """
        name, role, buildings = person.name, person.role, _sorted(person.buildings)
        with self._session() as session:
            row = session.scalars(select(UserRow).where(UserRow.subject == person.subject)).one_or_none()
            if row is None:
                if session.get(UserRow, name) is not None:
                    raise LookupError(f"the name {name!r} is another user's")
                row = UserRow(name, role, buildings, None, person.subject, now_us)
                session.add_all([row, AuditRow(now_us, name, "user added", name, role, address)])
            elif (row.role, row.buildings) != (role, buildings):
                row.role, row.buildings = role, buildings
                session.add(AuditRow(now_us, row.name, "rights changed", row.name, role, address))
            name = row.name
        return self.begin(name, now_us, address, how="OpenID")

    def visitor(self, id_: str, now_us: int, *, is_seen: bool) -> Visitor:
        """Who has this session; NOBODY if it has ended. ``is_seen``: a page was asked for, so it goes on."""
        with self._session() as session:
            row = session.get(SessionRow, _digest(id_))
            user = session.get(UserRow, row.user) if row is not None else None
            if row is None or user is None or user.is_disabled:
                return NOBODY
            if now_us - row.seen_us > self._idle_us or now_us - row.begun_us > self._longest_us:
                session.delete(row)
                return NOBODY
            if is_seen and now_us - row.seen_us > min(_SEEN_EVERY_US, self._idle_us // 10):
                row.seen_us = now_us
            return _visitor(user)

    def end(self, id_: str, now_us: int, address: str) -> None:
        """End a session; nothing if it has ended."""
        with self._session() as session:
            row = session.get(SessionRow, _digest(id_))
            if row is not None:
                session.add(AuditRow(now_us, row.user, "signed out", address=address))
                session.delete(row)

    # --- tokens

    def new_token(  # noqa: PLR0913
        self, user: str, purpose: str, scopes: Collection[str], days: int, now_us: int, *, who: str
    ) -> str:
        """A token for the API, told this once. Raises LookupError for an unknown user, ValueError for scopes."""
        if unknown := set(scopes).difference(SCOPES):
            raise ValueError(f"unknown scope {min(unknown)!r}; known: {', '.join(SCOPES)}")
        if not scopes or days < 1:
            raise ValueError("a token needs at least one scope and one day")
        token = TOKEN_PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)
        id_ = secrets.token_hex(4)
        with self._session() as session:
            _get(session, user)
            session.add_all(
                [
                    TokenRow(id_, _digest(token), user, purpose, sorted(scopes), now_us, now_us + days * DAY),
                    AuditRow(now_us, who, "token made", user, f"{id_} {' '.join(sorted(scopes))}"),
                ]
            )
        return token

    def tokens(self, user: str | None = None) -> Sequence[Token]:
        """The tokens of a user or of all."""
        with self._session() as session:
            rows = session.scalars(select(TokenRow).order_by(TokenRow.created_us))
            return [
                Token(row.id, row.user, row.purpose, tuple(row.scopes), row.created_us, row.expires_us)
                for row in rows
                if user in (None, row.user)
            ]

    def revoke_token(self, id_: str, now_us: int, *, who: str, user: str | None = None) -> None:
        """``user``: only if it is that user's. Raises LookupError."""
        with self._session() as session:
            row = session.get(TokenRow, id_)
            if row is None or user not in (None, row.user):
                raise LookupError(f"there is no token {id_!r}")
            session.add(AuditRow(now_us, who, "token revoked", row.user, id_))
            session.delete(row)

    def bearer(self, token: str, now_us: int) -> Visitor:
        """Who has this token; NOBODY if nobody has it any more."""
        with self._session() as session:
            row = session.scalars(select(TokenRow).where(TokenRow.digest == _digest(token))).one_or_none()
            user = session.get(UserRow, row.user) if row is not None else None
            if row is None or user is None or user.is_disabled or now_us >= row.expires_us:
                return NOBODY
            return _visitor(user, frozenset(row.scopes))

    # --- the log

    def note(self, entry: Entry) -> None:
        """Add a line to the log."""
        with self._session() as session:
            session.add(AuditRow(entry.time_us, entry.who, entry.action, entry.subject, entry.detail, entry.address))

    def log(self, limit: int = 500) -> Sequence[Entry]:
        """The newest lines of the log, newest first."""
        with self._session() as session:
            rows = session.scalars(select(AuditRow).order_by(AuditRow.time_us.desc(), AuditRow.id.desc()).limit(limit))
            return [Entry(r.time_us, r.who, r.action, r.subject, r.detail, r.address) for r in rows]

    def _hash(self, password: str) -> str:
        if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
            raise ValueError(f"a password has at least {SHORTEST_PASSWORD} and at most {LONGEST_PASSWORD} characters")
        return self._hasher.hash(password)

    def _make(self) -> None:
        is_new = not inspect(self._engine).has_table(SchemaRow.__tablename__)
        Base.metadata.create_all(self._engine)
        with self._session() as session:
            if is_new and session.scalars(select(SchemaRow)).first() is None:
                session.add(SchemaRow(VERSION))
            found = session.scalars(select(SchemaRow.version)).one_or_none() or VERSION
            if found > VERSION:
                raise FormatTooNew(f"the database of accounts {self._engine.url!r}", found, VERSION)

    @contextmanager
    def _session(self) -> Iterator[Session]:
        with self._lock, Session(self._engine) as session, session.begin():
            yield session


def _get(session: Session, name: str) -> UserRow:
    row = session.get(UserRow, name)
    if row is None:
        raise LookupError(f"there is no user {name!r}")
    return row


def _user(row: UserRow) -> User:
    return User(row.name, Role(row.role), _set(row.buildings), row.is_disabled, row.password is not None)


def _visitor(row: UserRow, scopes: frozenset[str] | None = None) -> Visitor:
    return Visitor(row.name, Role(row.role), _set(row.buildings), scopes)


def _set(buildings: list[str] | None) -> frozenset[str] | None:
    return None if buildings is None else frozenset(buildings)


def _sorted(buildings: Collection[str] | None) -> list[str] | None:
    return None if buildings is None else sorted(buildings)


def _digest(secret: str) -> str:
    """Of 256 random bits, so neither salt nor slowness is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()
