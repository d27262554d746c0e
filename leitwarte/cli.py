"""The command line. Exit codes: 0 done, 1 failed, 2 the call or the settings are wrong.

The table of contents is here; a command's module is imported when it is called, so that none waits for all.
"""

from collections.abc import Sequence
from importlib import import_module
from keyword import iskeyword
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

_TRY, _OPERATE, _USE = "Try it", "Operate", "Use the readings"


class _Entry(NamedTuple):
    panel: str
    summary: str


_CONTENTS = {
    "demo": _Entry(_TRY, "Simulate a town, read it live and show it at http://localhost:8080."),
    "sim": _Entry(_TRY, "Serve simulated or replayed devices over real Modbus and MQTT."),
    "init": _Entry(_OPERATE, "Write a settings file to begin with, by asking little."),
    "run": _Entry(_OPERATE, "Run gateway, analytics and web app."),
    "check": _Entry(_OPERATE, "Validate the settings file and say what each line will do."),
    "doctor": _Entry(_OPERATE, "Is all within reach that the settings need? If not, what to do."),
    "reload": _Entry(_OPERATE, "Have what runs read its settings again."),
    "health": _Entry(_OPERATE, "Ask a running part how it is."),
    "users": _Entry(_OPERATE, "Users of the web app, and tokens for its API."),
    "alerts": _Entry(_OPERATE, "Alerts: list, show, acknowledge, resolve; send a test."),
    "deadletter": _Entry(_OPERATE, "What was set aside, and another try for it."),
    "exchange": _Entry(_OPERATE, "Record a meter exchange; list and withdraw those recorded."),
    "store": _Entry(_OPERATE, "Look into the store."),
    "discover": _Entry(_OPERATE, "Find devices and print settings that read them."),
    "probe": _Entry(_OPERATE, "Show what the registers of a device may mean."),
    "import": _Entry(_OPERATE, "Read load profiles and exported readings into the store."),
    "backup": _Entry(_OPERATE, "Save store, alerts and settings in one file."),
    "restore": _Entry(_OPERATE, "Bring back what backup saved, into an empty place."),
    "decode": _Entry(_OPERATE, "Show what registers or a message mean."),
    "dashboards": _Entry(_OPERATE, "Write or push the Grafana dashboards."),
    "about": _Entry(_OPERATE, "Version, licences, software bill of materials."),
    "detect": _Entry(_USE, "Find anomalies in a file of interval series."),
    "train": _Entry(_USE, "Learn what faults look like from one's own meters."),
    "carbon": _Entry(_USE, "Emission factors, and CO2 per meter and day."),
    "report": _Entry(_USE, "Reports for the climate office."),
}


def contents() -> list[str]:
    """The names of all commands."""
    return list(_CONTENTS)


class _Contents(TyperGroup):
    """Lists the commands without importing them."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002
        return contents()

    def get_command(self, ctx: Any, cmd_name: str) -> TyperCommand | None:  # noqa: ANN401, ARG002
        entry = _CONTENTS.get(cmd_name)
        return TyperCommand(cmd_name, help=entry.summary, rich_help_panel=entry.panel) if entry else None

    def resolve_command(self, ctx: Any, args: Sequence[str]) -> tuple[str | None, Any, list[str]]:  # noqa: ANN401
        name = args[0]
        if name not in _CONTENTS:
            found: tuple[str | None, Any, list[str]] = super().resolve_command(ctx, list(args))
            return found
        module = import_module(f"leitwarte.commands.{name}{'_' if iskeyword(name) else ''}")
        return name, typer.main.get_command(module.app), list(args[1:])


app = typer.Typer(
    name="leitwarte",
    cls=_Contents,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def leitwarte() -> None:
    """Energy and utility monitoring for Stadtwerke: meters and sensors in; alerts, load profiles, CO2 reports out."""


def main() -> None:
    """Entry point of the ``leitwarte`` command."""
    app()
