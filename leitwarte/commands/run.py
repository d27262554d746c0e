"""``leitwarte run``: production."""

import asyncio
import gc
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from gateway.journal import JournalInUse
from leitwarte import control, logs
from leitwarte.commands.common import CONFIG, WRONG_CALL, ConfigOption, commands, fail
from leitwarte.commands.opening import settings_file
from leitwarte.installation import Installation, Part
from leitwarte.lifetime import until_stopped, upon
from leitwarte.preset_secrets import known_to_all
from leitwarte.requests import Requests
from leitwarte.settings import Settings
from storage.protocol import StoreError

app = commands()

_YOUNG = 20_000  # objects that the garbage collector lets come before it looks: a few batches


@app.command()
def run(
    config: ConfigOption = CONFIG,
    only: Annotated[list[Part] | None, typer.Option(help="Run only this part; may be given more than once.")] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="Have the Dask cluster of this scheduler compute for analytics: tcp://host:8786.")
    ] = None,
) -> None:
    """Run gateway, analytics and web app as the settings say, until SIGTERM or Ctrl-C. SIGHUP reloads the settings."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until it can be followed; the settings are fresh so far
    settings = settings_file(config).settings
    if scheduler is not None:
        analytics = settings.analytics.model_copy(update={"scheduler": scheduler})
        settings = settings.model_copy(update={"analytics": analytics})
    if known := known_to_all(settings):
        remedy = "choose another, there and at its server: openssl rand -base64 32"
        fail(f"{', '.join(known)}: everybody knows that secret, so nothing is started; {remedy}", WRONG_CALL)
    logs.configure()
    try:
        asyncio.run(_run(settings, only or list(Part), config))
    except StoreError as error:
        fail(f"store: {error}")
    except (JournalInUse, OSError, ValueError) as error:
        fail(error)


async def _run(settings: Settings, parts: list[Part], file: Path) -> None:
    installation = Installation(settings)
    requests = Requests(installation, file)
    async with (
        installation.opened(),
        control.listening(settings.control, parts, requests.handlers),
    ):
        with _what_is_there_passed_over(), upon(signal.SIGHUP, requests.reload):
            await until_stopped(installation.run(parts))


@contextmanager
def _what_is_there_passed_over() -> Iterator[None]:
    """By the garbage collector: looking again and again at what stays took the gateway a fifth of its time under load.

    At the end all is looked at again, or DuckDB's binding complains of objects that nobody freed.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG)
    try:
        yield
    finally:
        gc.unfreeze()
