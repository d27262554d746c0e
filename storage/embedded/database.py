"""The DuckDB file: opened once, written in transactions, read by cursors of their own beside that."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from metering.kept_format import FormatTooNew
from storage.protocol import StoreRefused, StoreUnavailable

FORMAT = 1
"""Of the tables below. Whoever changes it says in `Database.open` what leads from each older one to the next."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS format (number INTEGER NOT NULL);
INSERT INTO format SELECT 1 WHERE NOT EXISTS (FROM format);
CREATE TABLE IF NOT EXISTS series (id INTEGER NOT NULL, device VARCHAR NOT NULL, quantity VARCHAR NOT NULL);
CREATE TABLE IF NOT EXISTS reading (
    series INTEGER NOT NULL, time_us BIGINT NOT NULL, value DOUBLE NOT NULL, quality TINYINT NOT NULL,
    reason VARCHAR NOT NULL
);
CREATE TABLE IF NOT EXISTS condensed (
    level VARCHAR NOT NULL, series INTEGER NOT NULL, time_us BIGINT NOT NULL, count BIGINT NOT NULL,
    trusted BIGINT NOT NULL, total DOUBLE NOT NULL, low DOUBLE NOT NULL, high DOUBLE NOT NULL, first DOUBLE NOT NULL,
    first_us BIGINT NOT NULL, last DOUBLE NOT NULL, last_us BIGINT NOT NULL, qualities TINYINT NOT NULL
);
CREATE TABLE IF NOT EXISTS event (
    id VARCHAR PRIMARY KEY, time_us BIGINT NOT NULL, end_us BIGINT, kind VARCHAR NOT NULL, severity TINYINT NOT NULL,
    subject VARCHAR NOT NULL, building VARCHAR NOT NULL, title VARCHAR NOT NULL
);
"""

# The rows or the statement are wrong; everything else is the file, the disk or the memory, and may pass.
_NEVER = (duckdb.DataError, duckdb.IntegrityError, duckdb.ProgrammingError, duckdb.NotSupportedError)


class Database:
    """The tables of `storage.embedded`. Every method may block and raises StoreUnavailable or StoreRefused."""

    def __init__(self, path: Path, memory_mb: int) -> None:
        self._path = path
        self._memory_mb = memory_mb
        self._lock = Lock()
        self._connection: duckdb.DuckDBPyConnection | None = None

    @property
    def is_open(self) -> bool:
        return self._connection is not None

    def open(self) -> None:
        """Open the file, making it and its folder if they are missing; nothing happens if it is open."""
        with self._lock, self._told_as_the_stores():
            if self._connection is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                connection = duckdb.connect(str(self._path), config=self._configuration())
                connection.execute(_SCHEMA)
                (found,) = connection.execute("SELECT max(number) FROM format").fetchone() or (FORMAT,)
                if found > FORMAT:
                    connection.close()
                    raise StoreRefused(str(FormatTooNew(self._path, found, FORMAT)))
                self._connection = connection

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def rows(self, statement: str, **parameters: object) -> list[tuple[Any, ...]]:
        """What the statement selects, row by row."""
        with self._reading() as cursor:
            return cursor.execute(statement, parameters).fetchall()

    def columns(self, statement: str, **parameters: object) -> dict[str, NDArray[Any]]:
        """What the statement selects, as one array for each column; none may hold NULL."""
        with self._reading() as cursor:
            found = cursor.execute(statement, parameters).fetchnumpy()
        return {name: np.asarray(column) for name, column in found.items()}

    @contextmanager
    def transaction(self) -> Iterator["Transaction"]:
        """Write all or nothing. After a failure the file is closed: only reading it anew tells what it holds."""
        try:
            with self._told_as_the_stores():
                connection = self._opened()
                connection.execute("BEGIN")
                yield Transaction(connection)
                connection.execute("COMMIT")
        except BaseException:
            self.close()
            raise

    def copy(self, target: Path) -> None:
        """Write all of one moment into a new file, without holding up what is written meanwhile."""
        quoted = "'" + str(target).replace("'", "''") + "'"
        with self._reading() as cursor:
            own = cursor.execute("SELECT current_database()").fetchall()[0][0]
            cursor.execute(f"ATTACH {quoted} AS backup")
            try:
                cursor.execute(f'COPY FROM DATABASE "{own}" TO backup')
            finally:
                cursor.execute("DETACH backup")

    @contextmanager
    def _reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._told_as_the_stores(), self._opened().cursor() as cursor:
            yield cursor

    def _opened(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            raise StoreUnavailable(f"{self._path} is not open")
        return self._connection

    def _configuration(self) -> dict[str, str | bool | int | float | list[str]]:
        # DuckDB lets one process connect twice to a file unless the configurations differ; two stores on one file would
        # not know of each other's writes. Other processes are refused by its file lock.
        return {"memory_limit": f"{self._memory_mb}MB", "custom_user_agent": f"leitwarte/{id(self)}"}

    @contextmanager
    def _told_as_the_stores(self) -> Iterator[None]:
        try:
            yield
        except duckdb.ConnectionException as error:
            raise StoreUnavailable(f"{self._path} cannot be used: is another store open on it? {error}") from error
        except _NEVER as error:
            raise StoreRefused(f"{self._path} refused: {error}") from error
        except (duckdb.Error, OSError) as error:
            raise StoreUnavailable(f"{self._path} cannot be used: {error}") from error


class Transaction:
    """Statements that take their rows from an Arrow table, which they call ``given``."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def execute(self, statement: str, given: pa.Table, **parameters: object) -> None:
        self._connection.register("given", given)
        self._connection.execute(statement, parameters)
        self._connection.unregister("given")
