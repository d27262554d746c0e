"""What people do about alerts, in whatever process, becomes the end or the return of an annotation in the store."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from analytics.alerts.book import AlertBook
from analytics.carbon.factors import FactorSet
from analytics.reports.rules import Rules
from analytics.service import Analytics
from analytics.settings import AnalyticsSettings
from metering import heartbeat
from metering.clock import Clock
from metering.event import Event
from metering.instant import DAY, HOUR, MINUTE, Window
from metering.localtime import LocalCalendar
from storage.embedded.store import EmbeddedStore
from storage.settings import EmbeddedSettings
from tests.analytics.alerts.conftest import ESTATE, NOW, finding


class HandClock(Clock):
    """A clock that stands still until it is set."""

    now = NOW

    def now_us(self) -> int:
        return self.now


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[EmbeddedStore]:
    store = EmbeddedStore(EmbeddedSettings(path=tmp_path / "store.duckdb"))
    await store.start()
    yield store
    await store.close()


async def test_annotations_follow_the_book(store: EmbeddedStore, book: AlertBook) -> None:
    clock = HandClock()
    rules = Rules(FactorSet.load(), LocalCalendar())
    analytics = Analytics(store, ESTATE, AnalyticsSettings(), clock, book, rules)
    await analytics.backfill(Window(NOW - DAY, NOW))
    alert = book.report(finding(NOW - HOUR, NOW), NOW)

    async def event() -> Event:
        clock.now += MINUTE
        await store.write([heartbeat.beat(clock.now, well=True)])
        await analytics.cycle()
        found = {event.id: event for event in await store.events(Window(NOW - DAY, NOW + DAY))}
        return found[alert.id]

    assert (await event()).end_us is None
    book.resolve(alert.id, "Ali", "Ventil getauscht", clock.now)
    assert (await event()).end_us == NOW
    book.reopen(alert.id, "Weber", "", clock.now)
    assert (await event()).end_us is None
