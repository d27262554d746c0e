"""``leitwarte health``: asks a running part how it is, for container health checks and scripts."""

import time
from pathlib import Path
from typing import Annotated

import httpx
import typer

from leitwarte.commands.common import CONFIG, WRONG_CALL, ConfigOption, commands, fail, output

app = commands()

_ROUNDS = 5
_GRACE_S = 60


@app.command()
def health(
    url: Annotated[str | None, typer.Argument(help="Such as http://127.0.0.1:9108/health/ready.")] = None,
    analytics: Annotated[
        bool, typer.Option(help="Instead: has analytics of these settings been at work lately?")
    ] = False,
    config: ConfigOption = CONFIG,
) -> None:
    """Ask a health address, or after analytics; exit code 0 if all is well, 1 if not or if nobody answers."""
    if analytics == (url is not None):
        fail("give either an address or --analytics", WRONG_CALL)
    if url is None:
        from leitwarte.commands.opening import settings_file  # noqa: PLC0415 - an address needs no room of the house

        settings = settings_file(config).settings
        _ask_heart(settings.heartbeat, _ROUNDS * settings.analytics.interval_s + _GRACE_S)
    else:
        _ask_address(url)


def _ask_address(url: str) -> None:
    try:
        answer = httpx.get(url, timeout=4, trust_env=False)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        fail(f"{url}: {error}")
    if answer.status_code >= httpx.codes.BAD_REQUEST:
        fail(f"{url}: {answer.status_code} {answer.text[:500]}")
    output.print(answer.text, markup=False)


def _ask_heart(heartbeat: Path, patience_s: float) -> None:
    try:
        age_s = time.time() - heartbeat.stat().st_mtime
    except OSError as error:
        fail(f"analytics has not been at work: {error}")
    if age_s > patience_s:
        fail(f"analytics was last at work {age_s:.0f} s ago")
    output.print(f"analytics was at work {age_s:.0f} s ago")
