"""``leitwarte doctor``: is everything within reach that the settings need, and if not, what to do."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Annotated

import typer

from leitwarte.commands.bus_options import quiet
from leitwarte.commands.common import CONFIG, FAILED, ConfigOption, JsonOption, commands, output, print_json
from leitwarte.commands.opening import settings_file
from leitwarte.doctor import here, mail, servers
from leitwarte.doctor.finding import Finding, Verdict
from leitwarte.settings import Settings
from storage.settings import InfluxSettings

app = commands()

_COLOURS = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "red"}


@app.command()
def doctor(
    config: ConfigOption = CONFIG,
    json: JsonOption = False,
    grafana: Annotated[
        str | None, typer.Option(help="Look at this Grafana too, such as http://localhost:3000.")
    ] = None,
) -> None:
    """Look at all that the settings need: brokers, store, devices, certificates, clocks, disk, secrets, channels, mail.

    It connects and reads; nothing is written or sent. Exit code 1 if anything fails.
    """
    quiet()
    file = settings_file(config)
    findings = [*here.look(file), *mail.servers(file.settings), *asyncio.run(_asked(file.settings, grafana))]
    for finding in findings:
        if json:
            print_json(finding._asdict())
            continue
        output.print(f"{finding.verdict:4}", style=_COLOURS[finding.verdict], end="  ")
        output.print(f"{finding.what}: {finding.found}", markup=False)
        if finding.remedy:
            output.print(f"      → {finding.remedy}", markup=False)
    if any(finding.verdict is Verdict.FAIL for finding in findings):
        raise typer.Exit(FAILED)


async def _asked(settings: Settings, grafana: str | None) -> list[Finding]:
    """What the servers say, asked at the same time."""

    async def all_of(look: AsyncIterator[Finding]) -> list[Finding]:
        return [finding async for finding in look]

    looks = [servers.broker(broker) for broker in settings.mqtt]
    looks += [servers.modbus(bus) for bus in settings.modbus]
    if isinstance(settings.store, InfluxSettings):
        looks.append(servers.influxdb(settings.store))
    if grafana is not None:
        looks.append(servers.grafana(grafana))
    found = await asyncio.gather(*map(all_of, looks))
    return [*_own_certificates(settings), *(finding for findings in found for finding in findings)]


def _own_certificates(settings: Settings) -> Iterator[Finding]:
    for kind, _, connection in settings.connections():
        if connection.tls is not None and connection.tls.certificate_file is not None:
            yield servers.client_certificate(f"{kind} {connection.id}", connection.tls.certificate_file)
