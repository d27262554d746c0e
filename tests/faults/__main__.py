"""``python -m tests.faults``: break the spine by a seeded schedule and print the account; exit code 1 if it is off."""

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from tests.faults.catch_up import drain
from tests.faults.driver import LONG, SHORT, Outcome, session, table
from tests.faults.episodes import EPISODES
from tests.faults.replicas import told, trial


def main(
    *,
    long: Annotated[bool, typer.Option("--long", help="Every fault four times, and over 50 kills.")] = False,
    seed: Annotated[int, typer.Option(help="The same seed gives the same schedule.")] = 1,
    only: Annotated[list[str] | None, typer.Option(help=f"Only this fault: {'; '.join(EPISODES)}.")] = None,
    catch_up: Annotated[
        float | None, typer.Option(help="Instead: drain what so many hours without the store leave.")
    ] = None,
    rate: Annotated[float, typer.Option(help="Readings a second in those hours.")] = 50.0,
    replicas: Annotated[
        bool, typer.Option("--replicas", help="Instead: three gateways, of which one is killed.")
    ] = False,
    keep: Annotated[Path | None, typer.Option(help="A new folder for all files, which stay.")] = None,
) -> None:
    """Break the spine by a seeded schedule and account for every message and every poll."""
    if catch_up is not None:
        with tempfile.TemporaryDirectory() as temporary:
            found = asyncio.run(drain(Path(temporary), catch_up, rate))
        speed = found.readings / found.seconds
        typer.echo(f"| {catch_up:.3g} h | {rate:g}/s | {found.readings:,} | {found.seconds:.1f} s | {speed:,.0f}/s |")
        return
    if replicas:
        with tempfile.TemporaryDirectory() as temporary:
            seen = asyncio.run(trial(Path(temporary)))
        typer.echo(f"{table(seen.rows)}\n\n{told(seen)}")
        return
    unknown = set(only or ()) - set(EPISODES)
    if unknown:
        raise typer.BadParameter(f"no such fault: {', '.join(sorted(unknown))}")
    episodes = only or (LONG if long else SHORT)
    with tempfile.TemporaryDirectory() as temporary:
        folder = keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        outcome = asyncio.run(session(folder, seed, episodes, _tell))
    _report(outcome)
    raise typer.Exit(0 if outcome.is_clean else 1)


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _report(outcome: Outcome) -> None:
    typer.echo(table(outcome.rows))
    typer.echo(f"\nSeed {outcome.seed}, {outcome.seconds:.0f} s, {outcome.kills} kills of the gateway.")
    for promise in outcome.broken:
        typer.echo(f"BROKEN: {promise}")


if __name__ == "__main__":
    typer.run(main)
