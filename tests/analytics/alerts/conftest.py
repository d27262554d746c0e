"""What tests of alerts share: a book, findings, and real servers that take messages."""

import json
import threading
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from analytics.alerts.alert import Evidence, Excess, Finding
from analytics.alerts.book import AlertBook
from analytics.alerts.wording import Wording
from metering.estate import Building, Device, Estate, Site
from metering.event import Severity
from metering.instant import QUARTER_HOUR, parse
from metering.localtime import LocalCalendar
from tests.patience import PATIENCE_S
from tests.servers import free_port

NOW = parse("2026-11-22T02:00:00Z")
GERMAN = Wording("de", LocalCalendar())
ENGLISH = Wording("en", LocalCalendar())
DEVICES = [Device(f"d{n}", f"Gerät {n}", 10.0, "school") for n in range(6)]
ESTATE = Estate.of([Site("s", "S")], [Building("school", "Schule", "s", "school")], DEVICES)


@pytest.fixture
def book(tmp_path: Path) -> Iterator[AlertBook]:
    book = AlertBook(f"sqlite:///{tmp_path}/new/alerts.db")
    yield book
    book.close()


def finding(  # noqa: PLR0917
    first_us: int,
    last_us: int,
    cause: str = "m1:consumption",
    kind: str = "leak",
    severity: Severity = Severity.WARNING,
    subject: str = "m1",
) -> Finding:
    evidence = Evidence("consumption", "m³", (first_us,), (1.5,), (0.5,), (None,), (0.9,))
    excess = Excess(12.5, "m³", eur=50.0)
    return Finding(cause, kind, subject, "school", severity, first_us, last_us, "Leck", "viel", evidence, excess)


def curve(begin_us: int, number: int = 96) -> Evidence:
    """A day with an evening that is too high, and a hole."""
    times = tuple(begin_us + n * QUARTER_HOUR for n in range(number))
    expected = tuple(2.0 + (30 < n < 70) * 3.0 for n in range(number))
    actual = tuple(None if n == 20 else value * (1.8 if n > 75 else 1.02) for n, value in enumerate(expected))
    lower, upper = tuple(value * 0.8 for value in expected), tuple(value * 1.2 for value in expected)
    return Evidence("consumption", "kWh", times, actual, expected, lower, upper)


class Endpoint:
    """A web hook on a free port; ``status`` is what it answers."""

    def __init__(self) -> None:
        self.status = 200
        self.received: list[dict[str, Any]] = []
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if endpoint.status == 200:
                    endpoint.received.append(json.loads(body))
                self.send_response(endpoint.status)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"json://127.0.0.1:{self._server.server_port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    endpoint = Endpoint()
    yield endpoint
    endpoint.stop()


class Mailbox:
    """A mail server on a free port; ``refuses`` while it answers that it is too busy."""

    def __init__(self) -> None:
        self.refuses = False
        self.received: list[tuple[list[str], EmailMessage]] = []
        self.port = free_port()
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, ready_timeout=PATIENCE_S)
        self._controller.start()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.refuses:
            return "451 too busy"
        assert isinstance(envelope.content, bytes)
        parsed = message_from_bytes(envelope.content, policy=policy.default)
        self.received.append((envelope.rcpt_tos, parsed))
        return "250 OK"

    def url(self, to: str) -> str:
        return f"mailto://127.0.0.1:{self.port}/?from=leitwarte@example.org&to={to}&mode=insecure"

    def stop(self) -> None:
        self._controller.stop()


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    mailbox = Mailbox()
    yield mailbox
    mailbox.stop()
