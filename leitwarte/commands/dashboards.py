"""``leitwarte dashboards``: Grafana dashboards for the estate."""

from pathlib import Path
from typing import Annotated

import typer

from dashboards.grafana.build import Json
from dashboards.grafana.build import build as build_dashboards
from dashboards.grafana.provision import FOLDER_UID, Access, write
from dashboards.grafana.push import PushError
from dashboards.grafana.push import push as push_dashboards
from dashboards.grafana.rules import rule_group
from leitwarte.commands.common import CONFIG, WRONG_CALL, ConfigOption, commands, fail, output
from leitwarte.commands.opening import settings_file
from leitwarte.settings import Settings
from storage.settings import InfluxSettings

app = commands("Grafana dashboards as code.")


@app.command()
def build(
    out: Annotated[Path, typer.Option(help="Folder to write to: dashboards and provisioning, for Grafana to read.")],
    config: ConfigOption = CONFIG,
) -> None:
    """Write dashboards, alert rules, data source and provider for Grafana's file provisioning."""
    settings = settings_file(config).settings
    try:
        written = write(out, _boards(settings), _access(settings), _rules(settings))
    except OSError as error:
        fail(error)
    for path in written:
        output.print(str(path), markup=False)


@app.command()
def push(
    url: Annotated[str, typer.Option(help="Such as http://localhost:3000.")],
    token: Annotated[str, typer.Option(envvar="GRAFANA_TOKEN", help="A service account token with editor rights.")],
    config: ConfigOption = CONFIG,
) -> None:
    """Bring folder, dashboards and alert rules to a running Grafana. A second push changes nothing."""
    settings = settings_file(config).settings
    try:
        pushed = push_dashboards(url, token, _boards(settings), _rules(settings))
    except PushError as error:
        fail(error)
    output.print(f"{len(pushed.changed)} changed, {len(pushed.unchanged)} unchanged")


def _boards(settings: Settings) -> dict[str, Json]:
    web_url = settings.analytics.alerts.web_url
    target = settings.carbon.target.target() if settings.carbon.target else None
    return build_dashboards(settings.estate(), settings.timezone, settings.language, web_url, target)


def _rules(settings: Settings) -> Json:
    return rule_group(FOLDER_UID, settings.language)


def _access(settings: Settings) -> Access:
    if not isinstance(settings.store, InfluxSettings):
        fail("Grafana reads InfluxDB, but the store of these settings is embedded; the web app shows it", WRONG_CALL)
    return Access.to(settings.store)
