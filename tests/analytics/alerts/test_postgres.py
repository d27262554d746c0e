"""The alert book in a real PostgreSQL, if there is one here, and psycopg."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from analytics.alerts.alert import State, Verdict
from analytics.alerts.book import AlertBook
from analytics.alerts.outbox import Message
from metering.instant import HOUR
from tests.analytics.alerts.conftest import NOW, finding
from tests.analytics.alerts.test_database import FIRST
from tests.patience import PATIENCE_S
from tests.servers import free_port

pytest.importorskip("psycopg", reason="psycopg is not installed: nothing speaks to PostgreSQL")
_BY = {"user": "nobody"} if os.geteuid() == 0 else {}  # the server refuses to be run by root


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """The URL of a server's database, on a free port."""
    if shutil.which("initdb") is None or shutil.which("postgres") is None:
        pytest.skip("no postgres on the PATH")
    folder = Path(tempfile.mkdtemp(prefix="leitwarte-postgres-", dir="/tmp"))  # its socket needs a short path
    if _BY:
        shutil.chown(folder, _BY["user"])
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/"}
    port = free_port()
    options = ("-h", "127.0.0.1", "-p", str(port), "-k", str(folder), "-F")
    data = ("-D", str(folder / "data"))
    subprocess.run(["initdb", *data, "-A", "trust", "-U", "test", "-N"], check=True, **quiet, **_BY)  # type: ignore[call-overload]
    server = subprocess.Popen(["postgres", *data, *options], **quiet, **_BY)  # type: ignore[call-overload]
    url = f"postgresql+psycopg://test@127.0.0.1:{port}/postgres"
    try:
        _wait_for(url)
        yield url
    finally:
        server.terminate()
        server.wait(PATIENCE_S)
        shutil.rmtree(folder)


def _wait_for(url: str) -> None:
    engine = create_engine(url)
    until = time.monotonic() + 60
    while True:
        try:
            engine.connect().close()
        except OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            engine.dispose()
            return


def test_first_tables_are_carried_forward_and_everything_is_kept(postgres: str) -> None:
    engine = create_engine(postgres)
    with engine.begin() as connection:
        first = FIRST.replace("BLOB", "BYTEA").replace("id INTEGER NOT NULL", "id SERIAL NOT NULL")
        for statement in first.split(";")[:-1]:
            connection.execute(text(statement))
        connection.execute(
            text(
                "INSERT INTO alert VALUES ('old', 'old', 'leak', 'm0', 'school', 1, 'open', 1, 1, 1, 'Leck', '', '{}', "
                "NULL, NULL, NULL)"
            )
        )
    engine.dispose()
    books = [AlertBook(postgres) for _ in range(2)]
    with ThreadPoolExecutor(8) as pool:
        reports = [pool.submit(books[n % 2].report, finding(NOW, NOW + n), NOW + n) for n in range(40)]
    (id_,) = {report.result().id for report in reports}
    book = AlertBook(postgres)
    assert [alert.id for alert in book.list()] == [id_, "old"]
    book.acknowledge(id_, "Ali", "", NOW)
    book.outbox.put([Message(id_, "weber", "opened", 0, NOW)] * 2, NOW)
    assert book.outbox.due("weber", NOW) == [], "somebody takes care of it"
    assert len(book.outbox.deliveries(id_)) == 1
    book.judge(id_, Verdict.FALSE_ALARM, "Ali", "", NOW)
    assert book.sensitivities() == {("m1", "leak"): 0.5}
    assert book.report(finding(NOW, NOW + HOUR), NOW + HOUR).state is State.RESOLVED
    assert [alert.id for alert in book.changed_since(NOW)] == [id_]
    for each in (*books, book):
        each.close()
