"""``leitwarte alerts``: what needs attention, what was told to whom, and doing something about it."""

import asyncio
import getpass
from collections.abc import Callable
from typing import Annotated

import typer
from rich.table import Column, Table

from analytics.alerts.alert import Alert
from analytics.alerts.book import AlertBook
from analytics.alerts.outbox import Delivery
from analytics.alerts.wording import Wording
from leitwarte.commands.common import (
    CONFIG,
    WRONG_CALL,
    ConfigOption,
    JsonOption,
    commands,
    errors,
    fail,
    output,
    print_json,
)
from leitwarte.commands.opening import alert_book, settings_file
from metering import instant
from metering.event import Severity

app = commands("Alerts: what needs attention, and who was told.")

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="As `leitwarte alerts list` shows it.")]
WhoOption = Annotated[str, typer.Option("--as", help="Who does it.", show_default="the user's name")]
TextOption = Annotated[str, typer.Option("-m", "--message", help="A comment.")]


@app.command("list")
def list_(
    all_: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    building: Annotated[str | None, typer.Option(help="Only of this building.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only of this kind.")] = None,
    config: ConfigOption = CONFIG,
    json: JsonOption = False,
) -> None:
    """List alerts, those with the newest beginning first."""
    settings = settings_file(config).settings
    with alert_book(settings) as book:
        alerts = [a for a in book.list(only_open=not all_, building=building) if kind in (None, a.kind)]
    if json:
        for alert in alerts:
            print_json(_facts(alert))
        return
    table = Table(Column("id", no_wrap=True), "severity", "state", Column("since", no_wrap=True), "alert", "assigned")
    for alert in alerts:
        since = settings.calendar.local(alert.first_us).strftime("%Y-%m-%d %H:%M")
        state = alert.state + (", muted" if alert.is_muted(settings.clock.clock().now_us()) else "")
        table.add_row(alert.id, alert.severity.name.lower(), state, since, alert.title, alert.assignee)
    output.print(table if alerts else "no alerts")


@app.command()
def show(id_: IdArgument, config: ConfigOption = CONFIG, json: JsonOption = False) -> None:
    """Show an alert: what it is, what to check first, earlier cases, its history, and who was told."""
    settings = settings_file(config).settings
    wording = Wording(settings.language, settings.calendar)
    with alert_book(settings) as book:
        alert = _found(book, id_)
        similar, deliveries = book.similar(alert), book.outbox.deliveries(id_)
    if json:
        told = [
            {"channel": d.channel, "reason": d.reason, "attempts": d.attempts, "error": d.error} for d in deliveries
        ]
        print_json({**_facts(alert), "explanation": alert.explanation, "told": told})
        return
    for name, value in (
        ("alert", alert.title),
        ("what", alert.explanation),
        ("kind", f"{alert.kind}, {alert.severity.name.lower()}"),
        ("about", f"{alert.subject} {alert.building and f'in {alert.building}'}"),
        ("state", alert.state + (f", {alert.verdict}" if alert.verdict else "")),
        ("assigned", alert.assignee),
        ("first sign", wording.moment(alert.first_us)),
        ("last sign", wording.moment(alert.last_us)),
        ("check first", wording.check_first(alert.kind)),
        *(("earlier", f"{wording.moment(a.first_us)} {a.title} ({a.verdict or a.state})") for a in similar),
        *(("history", f"{wording.moment(e.time_us)} {e.who}: {e.action} {e.text}") for e in alert.history),
        *(("told", _told(delivery, wording)) for delivery in deliveries),
    ):
        if value:
            output.print(f"{name:12} {value.rstrip()}", markup=False)


@app.command()
def ack(
    id_: IdArgument, who: WhoOption = "", text: TextOption = "", config: ConfigOption = CONFIG, json: JsonOption = False
) -> None:
    """Take care of an alert: nobody else is told of it any more."""
    _do(lambda book, now_us: book.acknowledge(id_, who or getpass.getuser(), text, now_us), config, json=json)


@app.command()
def resolve(
    id_: IdArgument, who: WhoOption = "", text: TextOption = "", config: ConfigOption = CONFIG, json: JsonOption = False
) -> None:
    """It has been seen to. It opens again if there are signs of it later than six hours from now."""
    _do(lambda book, now_us: book.resolve(id_, who or getpass.getuser(), text, now_us), config, json=json)


@app.command("test")
def try_(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A recipient of analytics.alerts.recipients.")],
    config: ConfigOption = CONFIG,
) -> None:
    """Send an example to a recipient."""
    from analytics.alerts.notify import send_test  # noqa: PLC0415 - its libraries take a second to load

    settings = settings_file(config).settings
    recipients = {recipient.id: recipient for recipient in settings.analytics.alerting.recipients}
    if name not in recipients:
        fail(f"there is no recipient {name!r}; known: {', '.join(recipients) or 'none'}", WRONG_CALL)
    wording = Wording(settings.language, settings.calendar)
    now_us = settings.clock.clock().now_us()
    try:
        sent = asyncio.run(send_test(recipients[name], settings.estate(), wording, now_us))
    except ValueError as error:
        fail(error, WRONG_CALL)
    for channel, arrived in sent.items():
        if arrived:
            output.print(f"{channel}: sent", markup=False)
        else:
            errors.print(f"{channel}: {wording.say_alert('message.failed')}", markup=False, style="red")
    if not all(sent.values()):
        raise typer.Exit(1)


def _do(act: Callable[[AlertBook, int], Alert], config: ConfigOption, *, json: bool) -> None:
    settings = settings_file(config).settings
    with alert_book(settings) as book:
        try:
            alert = act(book, settings.clock.clock().now_us())
        except LookupError as error:
            fail(f"{error.args[0]}; `leitwarte alerts list` shows those there are", WRONG_CALL)
    if json:
        print_json(_facts(alert))
    else:
        output.print(f"{alert.id}: {alert.state}", markup=False)


def _found(book: AlertBook, id_: str) -> Alert:
    try:
        return book.get(id_)
    except LookupError as error:
        fail(f"{error.args[0]}; `leitwarte alerts list` shows those there are", WRONG_CALL)


def _facts(alert: Alert) -> dict[str, object]:
    return {
        "id": alert.id,
        "title": alert.title,
        "kind": alert.kind,
        "severity": Severity(alert.severity).name.lower(),
        "state": alert.state,
        "subject": alert.subject,
        "building": alert.building,
        "first": instant.isoformat(alert.first_us),
        "last": instant.isoformat(alert.last_us),
        "assignee": alert.assignee,
        "verdict": alert.verdict,
    }


def _told(delivery: Delivery, wording: Wording) -> str:
    if delivery.delivered_us is not None:
        return f"{wording.moment(delivery.delivered_us)} {delivery.channel} ({delivery.reason})"
    tries = f"tried {delivery.attempts} times: {delivery.error}; " if delivery.attempts else ""
    return f"{delivery.channel} ({delivery.reason}): {tries}due {wording.moment(delivery.next_us)}, if still open"
