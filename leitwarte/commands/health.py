"""``leitwarte health``: asks a running part how it is, for container health checks and scripts."""

from typing import Annotated

import httpx
import typer

from leitwarte.commands.common import commands, fail, output

app = commands()


@app.command()
def health(url: Annotated[str, typer.Argument(help="Such as http://127.0.0.1:9108/health/ready.")]) -> None:
    """Ask a health address; exit code 0 if all is well, 1 if not or if nobody answers."""
    try:
        answer = httpx.get(url, timeout=4, trust_env=False)
    except httpx.HTTPError as error:
        fail(f"{url}: {error}")
    if answer.status_code >= httpx.codes.BAD_REQUEST:
        fail(f"{url}: {answer.status_code} {answer.text[:500]}")
    output.print(answer.text, markup=False)
