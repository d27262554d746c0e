"""A real HTTP server on a free port that answers as a source would."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest


@dataclass
class Source:
    """What it answers to which path, and what it was asked.

    first  statuses with headers that come before any answer, one a request
    """

    url: str = ""
    answers: dict[str, bytes] = field(default_factory=dict)
    first: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str], dict[str, str]]] = field(default_factory=list)

    def says(self, path: str, body: Any) -> None:
        self.answers[path] = body if isinstance(body, bytes) else json.dumps(body).encode()


@pytest.fixture
def source() -> Iterator[Source]:
    made = Source()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            split = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(split.query).items()}
            made.asked.append((split.path, query, dict(self.headers)))
            status, headers, body = 200, dict[str, str](), made.answers.get(split.path, b"")
            if made.first:
                status, headers = made.first.pop(0)
            elif split.path not in made.answers:
                status, body = 404, b"no such thing"
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()
