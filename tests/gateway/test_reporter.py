"""What the gateway says of itself in the store."""

from pathlib import Path

from gateway.device_state import Devices
from gateway.reporter import FULL, SILENT, Chronicle, Reporter
from metering.clock import Clock
from metering.event import Event, Severity
from metering.heartbeat import GATEWAY
from metering.instant import SECOND, Window
from storage.embedded.store import EmbeddedStore
from storage.protocol import StoreUnavailable
from storage.settings import EmbeddedSettings
from tests.gateway.parts import DEVICES, START_US, ScriptedStore, reading, running, settings_in


def at(seconds: float) -> int:
    return START_US + round(seconds * SECOND)


class Town:
    """Devices and their chronicle as time passes."""

    def __init__(self) -> None:
        self.states = Devices({"meter": DEVICES["meter"]}, at(0))
        self.chronicle = Chronicle("en", self.states.device)

    def news(self, seconds: float) -> list[Event]:
        return list(self.chronicle.devices(self.states.status(at(seconds))))


def test_a_silence_is_told_once_with_its_reason_and_again_when_it_ends() -> None:
    town = Town()
    town.states.heard([reading(1)], at(10))
    town.states.failed("meter", "no answer within 1 s", at(20))
    assert town.news(30) == []
    [begun] = town.news(200)
    title = "“meter” is silent: no answer within 1 s"
    assert begun == Event(f"device_silent:meter:{at(10)}", at(10), None, SILENT, Severity.WARNING, "meter", "", title)
    assert town.news(300) == []
    town.states.heard([reading(2)], at(400))
    [ended] = town.news(401)
    assert (ended.id, ended.end_us) == (begun.id, at(400))
    assert town.news(402) == []


def test_a_silence_outlasts_a_restart_and_ends_with_the_device() -> None:
    before = Town()
    [begun] = before.news(200)
    after = Town()
    after.chronicle.resume([begun])
    assert after.news(10) == []  # not heard yet, but not silent for long either
    assert after.news(500) == []
    after.states.know({}, at(600))
    [ended] = after.news(600)
    assert (ended.id, ended.end_us is None) == (begun.id, False)


async def test_heartbeat_and_events_reach_the_store_as_soon_as_it_answers(tmp_path: Path) -> None:
    store = EmbeddedStore(EmbeddedSettings(path=tmp_path / "store.duckdb"))
    await store.start()

    class Full(ScriptedStore):
        """Refuses readings of devices, so that the outbox can be filled."""

        async def write(self, readings: object) -> None:
            raise StoreUnavailable(str(readings)[:1])

    async with running(Full(), [], settings_in(tmp_path, outbox_max_mb=1, drain_s=0)) as gateway:
        reporter = Reporter(store, gateway, Chronicle("de", gateway.intake.devices.device), Clock())
        await reporter._report()
        while await gateway.intake.outbox.append_at_once([reading(n) for n in range(5000)]):
            pass
        await reporter._report()
        now_us = Clock().now_us()
        events = await store.events(Window(now_us - 60 * SECOND, now_us + SECOND))
        assert [(event.kind, event.subject, event.severity, event.end_us) for event in events] == [
            (FULL, GATEWAY, Severity.CRITICAL, None)
        ]
        assert "voll" in events[0].title
    [beat] = await store.latest()
    assert (beat.device, beat.value) == (GATEWAY, 1.0)
    await store.close()
