"""``leitwarte deadletter``: what was set aside, and another try for it."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Annotated

import msgspec
import typer
from rich.table import Column, Table

from collectors.mqtt.reread import Rereader
from gateway.intake import Intake
from gateway.journal import JournalInUse
from gateway.quarantine import Case, Kept, kept_cases
from gateway.replay import Outcome, Revision
from gateway.replay import replay as replayed
from leitwarte import control
from leitwarte.commands.common import (
    CONFIG,
    FAILED,
    WRONG_CALL,
    ConfigOption,
    JsonOption,
    commands,
    errors,
    fail,
    output,
    print_json,
)
from leitwarte.commands.opening import settings_file
from leitwarte.settings import Settings
from metering import instant
from metering.kept_format import FormatTooNew
from metering.localtime import LocalCalendar

app = commands("Messages that no decoder could read, and readings that were rejected.")

_AT_ONCE = 500  # cases a request
_SHOWN = 60  # characters of a reason in the table

SourceOption = Annotated[str | None, typer.Option(help="Only of this broker or device.")]
ReasonOption = Annotated[str | None, typer.Option(help="Only with this in the reason.")]


@app.command("list")
def list_(
    source: SourceOption = None, reason: ReasonOption = None, config: ConfigOption = CONFIG, json: JsonOption = False
) -> None:
    """List what was set aside, oldest first."""
    settings = settings_file(config).settings
    table = Table(
        Column("id", no_wrap=True), Column("time", no_wrap=True), "source", "topic or quantity", "reason", "bytes"
    )
    number = 0
    for kept in _cases(settings, source, reason):
        number += 1
        if json:
            print_json(_facts(kept))
        else:
            why = kept.case.reason if len(kept.case.reason) <= _SHOWN else kept.case.reason[: _SHOWN - 1] + "…"
            table.add_row(
                kept.id, _local(kept.case, settings.calendar), *_origin(kept.case), why, str(_size(kept.case))
            )
    if not json:
        output.print(table if number else "nothing was set aside")


@app.command()
def show(id_: Annotated[str, typer.Argument(metavar="ID")], config: ConfigOption = CONFIG) -> None:
    """Show a case whole, and what it would be taken for today."""
    settings = settings_file(config).settings
    kept = next((kept for kept in _cases(settings) if kept.id == id_), None)
    if kept is None:
        fail(f"there is no case {id_}; `leitwarte deadletter list` shows those there are", WRONG_CALL)
    case, (source, topic) = kept.case, _origin(kept.case)
    for name, value in (
        ("time", f"{_local(case, settings.calendar)} ({instant.isoformat(case.at_us)})"),
        ("source", source),
        ("topic or quantity", topic),
        ("reason", case.reason),
        ("the store said", case.detail),
    ):
        if value:
            output.print(f"{name:18} {value}", markup=False)
    if case.letter is not None:
        output.print(f"{'payload':18} {case.letter.readable()}", markup=False)
    [revision] = _revised([kept], settings)
    for reading in revision.readings:
        at = instant.isoformat(reading.time_us)
        output.print(f"{'today':18} {reading.device} {reading.quantity} {reading.value!r} at {at}", markup=False)
    if revision.problem or not revision.readings:
        output.print(f"{'today':18} {revision.problem or 'means nothing'}", markup=False)


@app.command()
def replay(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID…]")] = None,
    all_: Annotated[bool, typer.Option("--all", help="All that is listed.")] = False,
    source: SourceOption = None,
    reason: ReasonOption = None,
    force: Annotated[bool, typer.Option(help="Take rejected readings all the same, as suspect.")] = False,
    config: ConfigOption = CONFIG,
    json: JsonOption = False,
) -> None:
    """Decode again with today's settings, and hand on what is understood, bearing its original time.

    A case that is taken is one no more, so doing it twice does it once. It does not matter whether the gateway runs.
    """
    if all_ == bool(ids):
        fail("give either the ids of cases or --all", WRONG_CALL)
    settings = settings_file(config).settings
    chosen = [kept for kept in _cases(settings, source, reason) if all_ or kept.id in (ids or ())]
    for missing in set(ids or ()).difference(kept.id for kept in chosen):
        errors.print(f"{missing}: there is no such case, or it was replayed before", markup=False, style="yellow")
    try:
        outcomes = _hand_over(_revised(chosen, settings), settings, force)
    except (OSError, JournalInUse, FormatTooNew) as error:
        fail(error)
    for outcome in outcomes:
        if json:
            print_json(msgspec.structs.asdict(outcome))
        elif outcome.problem:
            output.print(f"{outcome.case}: {outcome.problem}", markup=False)
    left = sum(not outcome.taken for outcome in outcomes) + len(set(ids or ())) - (len(chosen) if ids else 0)
    if not json:
        taken = sum(outcome.taken for outcome in outcomes)
        output.print(f"{taken} readings of {len(outcomes)} cases taken; {left} cases left as they are")
    if left and ids:
        raise typer.Exit(FAILED)


def _cases(settings: Settings, source: str | None = None, reason: str | None = None) -> Iterator[Kept]:
    for kept in kept_cases(settings.gateway_in_data_dir.data_dir / "quarantine"):
        if source in (None, _origin(kept.case)[0]) and (reason or "") in kept.case.reason:
            yield kept


def _revised(cases: Sequence[Kept], settings: Settings) -> list[Revision]:
    reader = Rereader(settings.mqtt)
    revisions = []
    for id_, case, _ in cases:
        if case.letter is not None:
            readings, problem = reader.read(case.letter)
            revisions.append(Revision(id_, readings, problem))
        else:
            revisions.append(Revision(id_, [case.reading] if case.reading is not None else []))
    return revisions


def _hand_over(revisions: Sequence[Revision], settings: Settings, force: bool) -> list[Outcome]:  # noqa: FBT001
    """To the gateway if it runs, else straight into its outbox."""
    outcomes: list[Outcome] = []
    for first in range(0, len(revisions), _AT_ONCE):
        some = revisions[first : first + _AT_ONCE]
        gateway = next((path for path, parts in control.running(settings.control) if "gateway" in parts), None)
        if gateway is None:
            outcomes += asyncio.run(_into_outbox(some, settings, force))
            continue
        answer = control.ask(gateway, "replay", {"revisions": some, "force": force})
        if "error" in answer:
            fail(answer["error"])
        outcomes += msgspec.convert(answer["outcomes"], list[Outcome])
    return outcomes


async def _into_outbox(revisions: Sequence[Revision], settings: Settings, force: bool) -> list[Outcome]:  # noqa: FBT001
    clock = settings.clock.clock()
    intake = Intake(settings.estate().devices, settings.gateway_in_data_dir, clock)
    async with intake.opened():
        return await replayed(revisions, intake, clock, force=force)


def _facts(kept: Kept) -> dict[str, object]:
    source, topic = _origin(kept.case)
    facts: dict[str, object] = {
        "id": kept.id,
        "time": instant.isoformat(kept.case.at_us),
        "source": source,
        "topic" if kept.case.letter is not None else "quantity": topic,
        "reason": kept.case.reason,
        "bytes": _size(kept.case),
    }
    if kept.case.reading is not None:
        facts |= {"value": kept.case.reading.value, "reading_time": instant.isoformat(kept.case.reading.time_us)}
    return facts


def _origin(case: Case) -> tuple[str, str]:
    """Broker and topic, or device and quantity."""
    if case.letter is not None:
        return case.letter.source, case.letter.topic
    return (case.reading.device, case.reading.quantity) if case.reading is not None else ("", "")


def _size(case: Case) -> int:
    """Bytes of the payload, or of the number."""
    return len(case.letter.payload) if case.letter is not None else 8


def _local(case: Case, calendar: LocalCalendar) -> str:
    at_us = case.letter.received_us if case.letter is not None else case.at_us
    return calendar.local(at_us).strftime("%Y-%m-%d %H:%M:%S")
