"""What several commands share: how they are declared, how they print, how they fail."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

FAILED, WRONG_CALL = 1, 2

ConfigOption = Annotated[Path, typer.Option("-c", "--config", help="The settings file.", show_default=True)]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
CONFIG = Path("leitwarte.yaml")

errors = Console(stderr=True, highlight=False, soft_wrap=True)
output = Console(highlight=False, soft_wrap=True)


def commands(help_: str | None = None) -> typer.Typer:
    """A command, or with ``help_`` a family of them."""
    return typer.Typer(help=help_, no_args_is_help=help_ is not None, add_completion=False)


def fail(message: object, code: int = FAILED) -> NoReturn:
    """Say why on standard error and end."""
    errors.print(str(message), markup=False, style="red")
    raise typer.Exit(code)


def print_json(value: Mapping[str, object]) -> None:
    """One JSON object on one line of standard output."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
