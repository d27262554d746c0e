"""What goes on beside the parts must not end them."""

import asyncio
import shutil
from pathlib import Path

import pytest

from leitwarte.installation import Installation, Part
from leitwarte.settings import Settings
from tests.patience import PATIENCE_S


class Idle:
    """A part that waits."""

    cycles = 0

    def answers_for(self, _job: str) -> bool:
        return True

    async def run(self) -> None:
        await asyncio.Event().wait()


async def until(condition: asyncio.Event, running: asyncio.Task[None]) -> None:
    waiting = asyncio.create_task(condition.wait())
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.wait([waiting, running], return_when=asyncio.FIRST_COMPLETED)
    assert not running.done()
    running.cancel()
    await asyncio.wait([waiting, running])


async def test_a_failure_of_condensing_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leitwarte.installation._CONDENSE_AFTER_S", 0.001)
    installation = Installation(Settings(data_dir=tmp_path))
    installation.gateway = Idle()  # type: ignore[assignment]
    again = asyncio.Event()
    calls = []

    async def condense(now_us: int) -> None:
        calls.append(now_us)
        if len(calls) > 2:
            again.set()
        raise RuntimeError("a defect")

    monkeypatch.setattr(installation.store, "condense", condense)
    await until(again, asyncio.create_task(installation.run([Part.GATEWAY])))


async def test_a_disk_that_takes_no_heartbeat_ends_nothing(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    quick = settings.analytics.model_copy(update={"interval_s": 0.001})
    installation = Installation(settings.model_copy(update={"analytics": quick}))
    touched = asyncio.Event()

    class Cycling(Idle):
        @property
        def cycles(self) -> int:  # type: ignore[override]
            self.asked = getattr(self, "asked", 0) + 1
            if self.asked > 10:
                touched.set()
            return self.asked

    installation.analytics = Cycling()  # type: ignore[assignment]
    shutil.rmtree(settings.data_dir)
    await until(touched, asyncio.create_task(installation.run([Part.ANALYTICS])))
