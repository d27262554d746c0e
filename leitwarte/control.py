"""Asking a running process: a message each way over a Unix socket in ``data_dir/control``, for its owner alone.

A request is a line with its name and then a MessagePack value, since JSON knows no NaN; the answer is such a value.

The name of a socket says which parts its process runs. A socket that nobody answers is left over from a process that
was killed; the next one to start clears it away.
"""

import asyncio
import contextlib
import os
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import msgspec
import structlog

_PATIENCE_S = 300.0  # parts of a process take their time to stop

Answer = dict[str, object]
Handler = Callable[[bytes], Awaitable[Answer]]
"""Gets the request's value, still encoded."""

_log = structlog.get_logger()


@asynccontextmanager
async def listening(folder: Path, parts: Collection[str], handlers: dict[str, Handler]) -> AsyncIterator[None]:
    """Answer requests while the block runs. Raises OSError if the folder can't be used."""
    await asyncio.to_thread(_prepare, folder)
    path = folder / f"{'+'.join(sorted(parts))}.{secrets.token_hex(4)}.sock"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, ValueError), contextlib.closing(writer):
            name, _, request = (await reader.read(-1)).partition(b"\n")
            if name:
                writer.write(msgspec.msgpack.encode(await handled(name.decode(), request)))
                await writer.drain()

    async def handled(name: str, request: bytes) -> Answer:
        if name not in handlers:
            return {"error": f"this process does not know {name!r}"}
        try:
            return await handlers[name](request)
        except Exception as error:  # noqa: BLE001 - whoever asks is told; the process goes on
            _log.exception("request failed", request=name)
            return {"error": f"{type(error).__name__}: {error}"}

    with _short(folder) as short:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(short / path.name))
        path.chmod(0o600)
        server = await asyncio.start_unix_server(answer, sock=listener)
    try:
        async with server:
            yield
    finally:
        path.unlink(missing_ok=True)


def running(folder: Path) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """The sockets in the folder that somebody answers, and the parts behind each."""
    for path in sorted(folder.glob("*.sock")):
        with contextlib.suppress(OSError), _connected(path):
            yield path, tuple(path.name.split(".")[0].split("+"))


def ask(path: Path, name: str, request: object = None, patience_s: float = _PATIENCE_S) -> Answer:
    """Send a request and wait for its answer. Raises OSError if nobody answers (any more)."""
    with _connected(path) as connection, connection.makefile("rb") as answering:
        connection.settimeout(patience_s)
        connection.sendall(name.encode() + b"\n" + msgspec.msgpack.encode(request))
        connection.shutdown(socket.SHUT_WR)
        answer = answering.read()
    if not answer:
        raise ConnectionError(f"{path}: the process ended before it answered")
    return msgspec.msgpack.decode(answer, type=Answer)


def _prepare(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in folder.glob("*.sock"):
        try:
            with _connected(path):
                pass
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
        except OSError:
            _log.warning("control socket cannot be reached", path=str(path))


@contextmanager
def _connected(path: Path) -> Iterator[socket.socket]:
    with _short(path.parent) as short, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(5.0)
        connection.connect(str(short / path.name))
        yield connection


@contextmanager
def _short(folder: Path) -> Iterator[Path]:
    """A short name of the folder: names of sockets may have some hundred bytes only."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        name = Path(f"/proc/self/fd/{descriptor}")
        yield name if name.exists() else folder
    finally:
        os.close(descriptor)
