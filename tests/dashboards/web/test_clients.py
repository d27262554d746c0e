"""The clients that docs/partners.md gives to partners, run against the web app with a token."""

import asyncio
import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from dashboards.web.access.accounts import Accounts
from dashboards.web.access.rights import Role
from tests.dashboards.web.conftest import NOW_US, Running
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="session")

DOCUMENT = Path(__file__).parents[3] / "docs" / "partners.md"
METER = "schule-electricity-m"


def blocks(language: str) -> list[str]:
    """The code blocks of that language, with a meter that is here."""
    text = DOCUMENT.read_text("utf-8").replace("school-electricity", METER)
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest_asyncio.fixture(loop_scope="session")
async def variables(closed: Running) -> dict[str, str]:
    """The address, and a token good for reading values."""
    with closing(Accounts(f"sqlite:///{closed.settings.accounts}")) as accounts:
        token = accounts.new_token(Role.ENGINEER, "test", ["read:values"], 1, NOW_US, who="test")
    return {"LEITWARTE": closed.url, "TOKEN": token, "PATH": "/usr/bin:/bin"}


async def run(command: list[str], variables: Mapping[str, str]) -> str:
    done = await asyncio.to_thread(
        subprocess.run, command, env=variables, capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, f"{command[-1]}\n{done.stderr}"
    return done.stdout


async def test_the_curl_commands(variables: dict[str, str]) -> None:
    commands = [line for block in blocks("sh") for line in re.split(r"(?<!\\)\n", block) if line.startswith("curl")]
    meters, series, things, observations = [await run(["sh", "-c", line], variables) for line in commands]
    assert METER in {meter["id"] for meter in json.loads(meters)}
    assert len(list(csv.DictReader(io.StringIO(series)))) == 24
    assert all(thing["Datastreams"] for thing in json.loads(things)["value"])
    assert len(json.loads(observations)["value"]) == 4


async def test_a_token_that_is_wrong_is_refused(variables: dict[str, str]) -> None:
    (block, *_) = [block for block in blocks("sh") if block.startswith("curl")]
    with pytest.raises(AssertionError, match="401"):
        await run(["sh", "-c", block.splitlines()[0]], {**variables, "TOKEN": "lw_wrong"})


async def test_the_python_program(variables: dict[str, str]) -> None:
    (program,) = blocks("python")
    said = await run([sys.executable, "-c", program], {**variables, "PYTHONUTF8": "1"})
    assert len(said.splitlines()) > 3
    assert all(re.fullmatch(r".+ \d+\.\d kWh", line) for line in said.splitlines()), said


async def test_the_power_query_asks_for_what_it_reads(variables: dict[str, str]) -> None:
    """Excel is not here: its query's address, options and columns are tried as Excel would send them."""
    (query,) = blocks("powerquery")
    names = dict(re.findall(r'^ +(\w+) = "([^"]*)",$', query, re.MULTILINE))
    (path,) = re.findall(r'RelativePath = "([^"]+)"', query)
    (record,) = re.findall(r"Query = \[(.*?)\],$", query, re.MULTILINE)
    options = {
        key: text or names[name] for key, text, name in re.findall(r'(\w+) = (?:"([^"]*)"|(\w+))(?:, |$)', record)
    }
    assert options["device"] == METER
    headers = {"Authorization": f"Bearer {variables['TOKEN']}"}
    async with httpx.AsyncClient(base_url=variables["LEITWARTE"], headers=headers, timeout=PATIENCE_S) as client:
        answer = await client.get(f"/{path}", params=options)
    assert answer.status_code == 200, answer.text
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    typed = set(re.findall(r'\{"(\w+)", type', query))
    assert typed == {"time", "value"} <= rows[0].keys()
    assert query.count("(") == query.count(")")
    assert query.count("[") == query.count("]")
