"""Opening what the settings name, with an end in plain words where it cannot be opened."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from leitwarte.commands.common import WRONG_CALL, fail
from leitwarte.settings import Settings
from leitwarte.settings_file import SettingsError, SettingsFile, load
from storage.factory import open_store
from storage.protocol import StoreError
from storage.retained import RetainedStore


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
