"""Opening what the settings name, with an end in plain words where it cannot be opened."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from leitwarte.commands.common import WRONG_CALL, fail
from leitwarte.settings import Settings
from leitwarte.settings_file import SettingsError, SettingsFile, load
from metering.kept_format import FormatTooNew, KeptUnusable
from storage.factory import open_store
from storage.protocol import StoreError
from storage.retained import RetainedStore

if TYPE_CHECKING:
    from analytics.alerts.book import AlertBook


def settings_file(path: Path) -> SettingsFile:
    """The settings, or an end with every problem named."""
    try:
        return load(path)
    except SettingsError as error:
        fail(error, WRONG_CALL)


@asynccontextmanager
async def opened_store(settings: Settings) -> AsyncIterator[RetainedStore]:
    """The store, started and closed again; an end with its own words if it cannot be used."""
    store = open_store(settings.store_in_data_dir, settings.calendar)
    try:
        await store.start()
        try:
            yield store
        finally:
            await store.close()
    except StoreError as error:
        fail(f"store: {error}")


@contextmanager
def alert_book(settings: Settings) -> "Iterator[AlertBook]":
    """The alert book, opened and closed again; an end with its own words if it cannot be used."""
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 - what opens no book need not load this

    from analytics.alerts.book import AlertBook  # noqa: PLC0415

    try:
        book = AlertBook(settings.alerts_database)
        try:
            yield book
        finally:
            book.close()
    except (FormatTooNew, KeptUnusable) as error:
        fail(error)
    except SQLAlchemyError as error:
        fail(f"the alert database cannot be used: {type(error).__name__}")
