"""``leitwarte check``: is the settings file right, and what will it do."""

import json as json_
import sys
from collections.abc import Iterator
from typing import Annotated

import typer

from collectors.modbus.plan import plan
from collectors.modbus.settings import ModbusDevice, ModbusSettings
from collectors.mqtt.settings import MqttSettings
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
from leitwarte.factor_check import factor_problems
from leitwarte.settings import Settings
from leitwarte.settings_file import SettingsError, SettingsFile, load
from metering.yaml_lines import Path
from storage.settings import InfluxSettings

app = commands()


@app.command()
def check(
    config: ConfigOption = CONFIG,
    json: JsonOption = False,
    schema: Annotated[bool, typer.Option(help="Print the JSON schema of the settings file, for editors.")] = False,
) -> None:
    """Validate the settings file and say what each line will do. Nothing is connected, nothing is changed."""
    if schema:
        sys.stdout.write(json_.dumps(Settings.model_json_schema(), indent=1, ensure_ascii=False) + "\n")
        return
    try:
        file = load(config)
        if problems := list(factor_problems(file)):
            raise SettingsError(problems)  # noqa: TRY301
    except SettingsError as error:
        if json:
            told = [{"line": p.line, "key": p.where, "error": p.message, "remedy": p.remedy} for p in error.problems]
            print_json({"ok": False, "problems": told})
            raise typer.Exit(WRONG_CALL) from None
        fail(error, WRONG_CALL)
    lines = [(_line(file, where), what) for where, what in deeds(file.settings)]
    noted = list(remarks(file.settings))
    if json:
        print_json({"ok": True, "lines": [{"line": line, "does": what} for line, what in lines], "remarks": noted})
        return
    for line, what in lines:
        output.print(f"{line or '':>5}  {what}", markup=False)
    for remark in noted:
        errors.print(f"note: {remark}", markup=False, style="yellow")
    output.print(f"{config}: in order")


def _line(file: SettingsFile, where: Path) -> int | None:
    return file.lines.get(where)


def deeds(settings: Settings) -> Iterator[tuple[Path, str]]:
    """What each entry of the file will do, in its order."""
    store = settings.store_in_data_dir
    if isinstance(store, InfluxSettings):
        yield ("store",), f"keep readings in InfluxDB {store.version}.x, {store.url}, database {store.database}"
    else:
        yield ("store",), f"keep readings in the embedded database {store.path}"
    for c, connection in enumerate(settings.modbus):
        where: Path = ("modbus", c)
        held = _held(connection, settings)
        yield where, f"connect to {connection.protocol} {connection.address} ({connection.id}){held}"
        for d, device in enumerate(connection.devices):
            yield (*where, "devices", d), f"  {device.id}: unit {device.unit}, {_polling(device)}"
    for b, broker in enumerate(settings.mqtt):
        where = ("mqtt", b)
        secure = ", encrypted" if broker.tls else ""
        yield where, f"subscribe at MQTT {broker.host}:{broker.port} ({broker.id}{secure}){_held(broker, settings)}"
        for d, listened in enumerate(broker.devices):
            what = f"  {listened.id}: {listened.topic} as {listened.format}, expected every {listened.interval_s:g} s"
            yield (*where, "devices", d), what
    for s, site in enumerate(settings.sites):
        for b, building in enumerate(site.buildings):
            place: Path = ("sites", s, "buildings", b)
            yield place, f"building {building.id} at {site.id}"
            for m, meter in enumerate(building.meters):
                source = meter.formula or meter.device or "imported load profiles"
                what = f"  meter {meter.id}: {meter.carrier} {meter.balance_role} from {source}"
                yield (*place, "meters", m), what
    if (sharing := settings.gateway.sharing) is not None:
        what = f"be replica {sharing.replica}; a lost one's connections are taken over within {sharing.takeover_s:g} s"
        yield ("gateway", "sharing"), what
    web = settings.web
    yield ("web",), f"serve the web app at http://{web.host}:{web.port}, in {settings.language}"


def _held(connection: ModbusSettings | MqttSettings, settings: Settings) -> str:
    """By which replica, where there are several."""
    if settings.gateway.sharing is None:
        return ""
    if isinstance(connection, MqttSettings) and connection.share:
        return f", by all replicas: each message goes to one of group {connection.share}"
    if isinstance(connection, ModbusSettings) and connection.replica:
        return f", by replica {connection.replica} alone"
    return ", by one of the replicas at a time"


def _polling(device: ModbusDevice) -> str:
    template = device.device_type()
    if template.is_sunspec:
        return f"{template.name}, models found when connected, every {device.interval_s:g} s"
    limits = template.limits
    blocks = plan(template.points, max_registers=limits.max_registers, max_hole=limits.max_hole)
    return f"{template.name}, {len(template.points)} values in {len(blocks)} requests every {device.interval_s:g} s"


def remarks(settings: Settings) -> Iterator[str]:
    """What is allowed but probably not meant."""
    metered = {meter.device for meter in settings.estate().meters.values()}
    for connection in settings.modbus:
        for device in connection.devices:
            template = device.device_type()
            registers = {point.quantity for point in template.points if "energy" in point.quantity}
            if registers and device.id not in metered:
                yield f"device {device.id} has registers ({', '.join(sorted(registers))}), but no meter uses it"
    if not any(True for _ in settings.devices()):
        yield "there are no devices: add modbus: or mqtt: entries"
