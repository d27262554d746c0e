"""``leitwarte users``: who may use the web app and its API."""

import getpass
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError

from dashboards.web.access.accounts import Accounts
from dashboards.web.access.rights import SCOPES, Role
from leitwarte.commands.common import CONFIG, WRONG_CALL, ConfigOption, JsonOption, commands, fail, output, print_json
from leitwarte.commands.opening import settings_file
from leitwarte.settings import Settings
from metering.instant import isoformat
from metering.kept_format import KeptUnusable

app = commands("Users of the web app, and tokens for its API.")

NameArgument = Annotated[str, typer.Argument(metavar="NAME")]
_WHO = "leitwarte users"


@app.command()
def add(
    name: NameArgument,
    role: Annotated[Role, typer.Option(help="What the user is here for.")],
    building: Annotated[list[str] | None, typer.Option(help="Id of a building to see; all if none is given.")] = None,
    config: ConfigOption = CONFIG,
) -> None:
    """Add a user. The password is asked for, or read from standard input."""
    settings = settings_file(config).settings
    if unknown := set(building or ()).difference(settings.estate().buildings):
        fail(f"there is no building {min(unknown)!r}; known: {', '.join(settings.estate().buildings)}", WRONG_CALL)
    with _accounts(settings) as accounts:
        now_us = settings.clock.clock().now_us()
        accounts.add(name, role, now_us, password=_password(), buildings=building or None, who=_WHO)
    output.print(f"{name} is added as {role}", markup=False)


@app.command("list")
def list_(config: ConfigOption = CONFIG, json: JsonOption = False) -> None:
    """List users and their tokens."""
    table = Table("name", "role", "buildings", "signs in", "tokens")
    with _accounts(settings_file(config).settings) as accounts:
        tokens = accounts.tokens()
        for user in accounts.users():
            how = "disabled" if user.is_disabled else "with a password" if user.is_local else "at the provider"
            seen = "all" if user.buildings is None else ", ".join(sorted(user.buildings))
            own = [f"{t.id} ({' '.join(t.scopes)}, until {isoformat(t.expires_us)[:10]})" for t in tokens]
            mine = [text for text, token in zip(own, tokens, strict=True) if token.user == user.name]
            if json:
                print_json({"name": user.name, "role": user.role, "buildings": seen, "signs_in": how, "tokens": mine})
            table.add_row(user.name, user.role, seen, how, "\n".join(mine))
    if not json:
        output.print(table if table.row_count else "there are no users; add one with `leitwarte users add`")


@app.command()
def passwd(name: NameArgument, config: ConfigOption = CONFIG) -> None:
    """Set a new password, and end the user's sessions."""
    settings = settings_file(config).settings
    with _accounts(settings) as accounts:
        accounts.set_password(name, _password(), settings.clock.clock().now_us(), who=_WHO)
    output.print(f"{name} has a new password", markup=False)


@app.command()
def disable(
    name: NameArgument,
    undo: Annotated[bool, typer.Option("--undo", help="Let the user in again.")] = False,
    config: ConfigOption = CONFIG,
) -> None:
    """Let a user in no more, and end the user's sessions. The user's tokens are good for nothing meanwhile."""
    settings = settings_file(config).settings
    with _accounts(settings) as accounts:
        accounts.set_disabled(name, settings.clock.clock().now_us(), is_disabled=not undo, who=_WHO)
    output.print(f"{name} is {'let in again' if undo else 'disabled'}", markup=False)


@app.command()
def token(
    name: NameArgument,
    scope: Annotated[list[str] | None, typer.Option(help=f"What it is good for: {', '.join(SCOPES)}.")] = None,
    purpose: Annotated[str, typer.Option(help="What for, in words.")] = "",
    days: Annotated[int, typer.Option(help="How long it lasts.", min=1, max=3650)] = 365,
    revoke: Annotated[str | None, typer.Option(help="Instead: take back the token of this id.")] = None,
    config: ConfigOption = CONFIG,
) -> None:
    """Make a token for the API, with its user's rights and no more than its scopes. It is printed this once."""
    settings = settings_file(config).settings
    now_us = settings.clock.clock().now_us()
    with _accounts(settings) as accounts:
        if revoke is not None:
            accounts.revoke_token(revoke, now_us, who=_WHO, user=name)
            output.print(f"{revoke} is taken back", markup=False)
        else:
            sys.stdout.write(accounts.new_token(name, purpose, scope or (), days, now_us, who=_WHO) + "\n")


@contextmanager
def _accounts(settings: Settings) -> Iterator[Accounts]:
    """The accounts; an end with its own words for what cannot be done with them."""
    try:
        accounts = Accounts(f"sqlite:///{settings.web_in_data_dir.accounts}")
        try:
            yield accounts
        finally:
            accounts.close()
    except (LookupError, ValueError) as error:
        fail(error.args[0], WRONG_CALL)
    except OSError as error:
        fail(error)
    except SQLAlchemyError as error:
        fail(KeptUnusable(f"the database of accounts {settings.web_in_data_dir.accounts}", error))


def _password() -> str:
    """Asked for twice at a terminal, else a line of standard input. Raises ValueError if the two differ."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass("Password: ")
    if getpass.getpass("Once more: ") != first:
        raise ValueError("the two passwords differ")
    return first
