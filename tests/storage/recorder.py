"""A small HTTP server that writes down what it is asked and answers from a list: for servers that cannot be started."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Request:
    """``path`` without the query, whose parameters are ``parameters``."""

    method: str
    path: str
    parameters: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    status: int = 200
    content: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Recorder:
    """``answers`` are given to requests of their method and path, in order, the last one again and again; ``settled``
    to statements of InfluxQL that a test is not about: they are not written down.
    """

    url: str = ""
    requests: list[Request] = field(default_factory=list)
    answers: dict[tuple[str, str], list[Answer]] = field(default_factory=dict)
    settled: dict[str, Answer] = field(default_factory=dict)

    def answer(self, method: str, path: str, *answers: Answer) -> None:
        self.answers[method, path] = list(answers)

    def asked(self, method: str, path: str) -> list[Request]:
        return [request for request in self.requests if (request.method, request.path) == (method, path)]

    def _take(self, request: Request) -> Answer:
        if settled := self.settled.get(request.parameters.get("q", "")):
            return settled
        self.requests.append(request)
        waiting = self.answers.get((request.method, request.path), [Answer(500, {"error": f"unexpected {request}"})])
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]


@contextmanager
def recording() -> Iterator[Recorder]:
    recorder = Recorder()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            target = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            parameters = {name: values[0] for name, values in parse_qs(target.query).items()}
            answer = recorder._take(Request(self.command, target.path, parameters, dict(self.headers), body))
            content = b"" if answer.content is None else json.dumps(answer.content).encode()
            self.send_response(answer.status)
            for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = handle_any  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    recorder.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield recorder
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
