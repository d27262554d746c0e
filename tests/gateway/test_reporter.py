"""What the gateway says of itself in the store."""

from pathlib import Path

from gateway.device_state import Devices
from gateway.reporter import ERROR, FULL, SILENT, Chronicle, Reporter, Unchanging, states
from metering.clock import Clock
from metering.event import Event, Severity
from metering.heartbeat import GATEWAY, of_gateway
from metering.instant import SECOND, Window
from metering.reading import Series
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
        return list(self.chronicle.devices(self.states.status(at(seconds)), at(seconds)))


def test_a_silence_is_told_once_with_its_reason_and_again_when_it_ends() -> None:
    town = Town()
    town.states.heard([reading(1)], at(10))
    town.states.failed("meter", "no answer within 1 s", at(20))
    [error] = town.news(30)
    assert error.kind == ERROR
    [begun] = town.news(200)
    title = "“meter” is silent: no answer within 1 s"
    assert begun == Event(f"device_silent:meter:{at(10)}", at(10), None, SILENT, Severity.WARNING, "meter", "", title)
    assert town.news(300) == []
    town.states.heard([reading(2)], at(400))
    [ended] = town.news(401)
    assert (ended.id, ended.end_us) == (begun.id, at(400))
    assert town.news(402) == []


def test_errors_of_an_hour_are_one_event_with_the_newest_reason() -> None:
    town = Town()
    town.states.heard([reading(1)], at(10))
    town.states.failed("meter", "no answer within 1 s", at(20))
    [first] = town.news(30)
    text = "no answer within 1 s"
    assert first == Event(f"device_error:meter:{at(20)}", at(20), None, ERROR, Severity.INFO, "meter", "", text)
    town.states.heard([reading(2)], at(40))
    assert town.news(45) == []
    town.states.failed("meter", "illegal address", at(50))
    town.states.heard([reading(3)], at(55))
    [second] = town.news(60)
    assert (second.id, second.end_us, second.title) == (first.id, None, "illegal address")
    town.states.heard([reading(4)], at(3600))
    [ended] = town.news(3650)
    assert (ended.id, ended.end_us, ended.title) == (first.id, at(50), "illegal address")
    assert town.news(3660) == []


def test_states_are_told_when_they_change_and_every_quarter_of_an_hour() -> None:
    town, unchanging = Town(), Unchanging()

    def news(seconds: float) -> list[float]:
        told = unchanging.news(states(town.states.status(at(seconds)), at(seconds)))
        unchanging.told(told)
        assert all(each.series == Series(of_gateway("meter"), "state") for each in told)
        return [each.value for each in told]

    assert news(1) == []  # not heard yet
    town.states.heard([reading(1)], at(10))
    assert [news(15), news(30), news(45), news(200), news(215)] == [[0.0], [], [1.0], [2.0], []]
    assert news(1200) == [2.0]


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
    latest = {reading.quantity: reading for reading in await store.latest([GATEWAY])}
    assert latest["state"].value == 1.0
    assert latest["queued"].value >= 5000
    [letters] = await store.latest([of_gateway("dead_letter")])
    assert (letters.quantity, letters.value) == ("set_aside", 0.0)
    await store.close()
