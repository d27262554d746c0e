"""Stores to test: each call of a ``fresh_store`` opens an empty one, on a real database."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from pathlib import Path

import httpx
import pytest

from storage.factory import open_store
from storage.protocol import Store
from storage.settings import EmbeddedSettings, InfluxSettings, StoreSettings
from tests.patience import PATIENCE_S
from tests.servers import Server

FreshStore = Callable[[], AbstractAsyncContextManager[Store]]


@asynccontextmanager
async def opened(settings: StoreSettings) -> AsyncIterator[Store]:
    store = open_store(settings)
    try:
        await store.start()
        yield store
    finally:
        await store.close()


@pytest.fixture
def fresh_embedded(tmp_path: Path) -> FreshStore:
    numbers = count()
    return lambda: opened(EmbeddedSettings(path=tmp_path / f"{next(numbers)}.duckdb"))


_databases = count()


@pytest.fixture
def fresh_influxd(influxd: Server) -> FreshStore:
    @asynccontextmanager
    async def fresh() -> AsyncIterator[Store]:
        name = f"test{next(_databases)}"
        async with opened(InfluxSettings(kind="influxdb", url=influxd.url, version=1, database=name)) as store:
            yield store
        async with httpx.AsyncClient(base_url=influxd.url, timeout=PATIENCE_S) as client:
            await client.post("/query", params={"q": f"DROP DATABASE {name}"})

    return fresh


@pytest.fixture(params=["embedded", "influxd"])
def fresh_store(request: pytest.FixtureRequest) -> FreshStore:
    fresh: FreshStore = request.getfixturevalue(f"fresh_{request.param}")
    return fresh
