"""Health and metrics over HTTP.

/health/live   200 while the process answers at all
/health/ready  200, or 503 with the problems
/health        the whole status, and each device that is not online; 503 with problems
/metrics       the same for Prometheus
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from http import HTTPStatus
from typing import Protocol

import msgspec
import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.metrics import StatusMetrics
from gateway.settings import HealthSettings
from gateway.status import DeviceState, DeviceStatus, GatewayStatus

_GRACE_S = 1  # for requests under way at the end


class Observed(Protocol):
    """What can be asked how it stands."""

    def status(self) -> GatewayStatus: ...

    def devices(self) -> list[DeviceStatus]: ...


def application(observed: Observed) -> Starlette:
    """The four addresses. Bare Starlette, since FastAPI would take a second to import."""

    async def live(_request: Request) -> Response:
        return _answer({"ok": True})

    async def ready(_request: Request) -> Response:
        problems = observed.status().problems
        return _answer({"ok": not problems, "problems": problems})

    async def health(_request: Request) -> Response:
        status = observed.status()
        missed = [device for device in observed.devices() if device.state is not DeviceState.ONLINE]
        return _answer({"ok": status.ready, **msgspec.structs.asdict(status), "devices_not_online": missed})

    async def metrics(_request: Request) -> Response:
        text = await asyncio.to_thread(_exposition, observed.status(), observed.devices())
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    addresses = {"/health/live": live, "/health/ready": ready, "/health": health, "/metrics": metrics}
    return Starlette(routes=[Route(path, answer) for path, answer in addresses.items()])


@contextlib.asynccontextmanager
async def serving(observed: Observed, settings: HealthSettings) -> AsyncIterator[int]:
    """Serve in this event loop; gives the port. Raises OSError, naming the setting, if the address cannot be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listening = socket.create_server((settings.host, settings.port), family=family)
    except OSError as error:
        raise OSError(
            error.errno,
            f"health address {settings.host}:{settings.port} cannot be had ({error.strerror or error});"
            " is another gateway running? Otherwise change gateway.health",
        ) from None
    config = uvicorn.Config(
        application(observed),
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=_GRACE_S,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listening]), name="health")
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        await task
        listening.close()


def _exposition(status: GatewayStatus, devices: Sequence[DeviceStatus]) -> bytes:
    """Of ten thousand devices it takes most of a second to write, which the event loop has not."""
    registry = CollectorRegistry()
    registry.register(StatusMetrics(status, devices))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


class _Server(uvicorn.Server):
    """Leaves signals to the process it is part of."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _answer(content: dict[str, object]) -> Response:
    status = HTTPStatus.OK if content["ok"] else HTTPStatus.SERVICE_UNAVAILABLE
    return Response(msgspec.json.encode(content), status, media_type="application/json")
