"""The command line. Exit codes: 0 done, 1 failed, 2 the call or the settings are wrong."""

import typer

from leitwarte.commands import carbon, check, dashboards, decode, demo, detect, health, report, run, sim, store

app = typer.Typer(
    name="leitwarte",
    help="Energy and utility monitoring for Stadtwerke: meters and sensors in; alerts, load profiles, CO2 reports out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

_TRY, _OPERATE, _USE = "Try it", "Operate", "Use the readings"

app.command("demo", rich_help_panel=_TRY)(demo.demo)
app.command("sim", rich_help_panel=_TRY)(sim.sim)
app.command("run", rich_help_panel=_OPERATE)(run.run)
app.command("check", rich_help_panel=_OPERATE)(check.check)
app.command("health", rich_help_panel=_OPERATE)(health.health)
app.add_typer(store.app, name="store", rich_help_panel=_OPERATE)
app.add_typer(decode.app, name="decode", rich_help_panel=_OPERATE)
app.add_typer(dashboards.app, name="dashboards", rich_help_panel=_OPERATE)
app.command("detect", rich_help_panel=_USE)(detect.detect)
app.add_typer(carbon.app, name="carbon", rich_help_panel=_USE)
app.add_typer(report.app, name="report", rich_help_panel=_USE)


def main() -> None:
    """Entry point of the ``leitwarte`` command."""
    app()
