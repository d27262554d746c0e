"""What several commands share: the settings option, the failure exit, the way output is written."""

import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from leitwarte.settings import Settings
from leitwarte.settings_file import SettingsError, SettingsFile, load
from storage.factory import open_store
from storage.protocol import Store, StoreError

FAILED, WRONG_CALL = 1, 2

ConfigOption = Annotated[Path, typer.Option("-c", "--config", help="The settings file.", show_default=True)]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
CONFIG = Path("leitwarte.yaml")

errors = Console(stderr=True, highlight=False, soft_wrap=True)
output = Console(highlight=False, soft_wrap=True)


def fail(message: object, code: int = FAILED) -> NoReturn:
    """Say why on standard error and end."""
    errors.print(str(message), markup=False, style="red")
    raise typer.Exit(code)


def settings_file(path: Path) -> SettingsFile:
    """The settings, or an end with every problem named."""
    try:
        return load(path)
    except SettingsError as error:
        fail(error, WRONG_CALL)


def print_json(value: Mapping[str, object]) -> None:
    """One JSON object on one line of standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")


@asynccontextmanager
async def opened_store(settings: Settings) -> AsyncIterator[Store]:
    """The store, started and closed again; an end with its own words if it cannot be used."""
    store = open_store(settings.store_in_data_dir)
    try:
        await store.start()
        try:
            yield store
        finally:
            await store.close()
    except StoreError as error:
        fail(f"store: {error}")
