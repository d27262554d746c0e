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
from metering.texts import Texts
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
    say = Texts("leitwarte", "en")
    lines = [(_line(file, where), what) for where, what in deeds(file.settings, say)]
    noted = list(remarks(file.settings, say))
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


def deeds(settings: Settings, say: Texts) -> Iterator[tuple[Path, str]]:
    """What each entry of the file will do, in its order."""
    store = settings.store_in_data_dir
    if isinstance(store, InfluxSettings):
        yield ("store",), say("influxdb", version=store.version, url=store.url, database=store.database)
    else:
        yield ("store",), say("embedded", path=store.path)
    for c, connection in enumerate(settings.modbus):
        where: Path = ("modbus", c)
        held, protocol = _held(connection, settings, say), connection.protocol
        yield where, say("modbus", protocol=protocol, address=connection.address, id=connection.id, held=held)
        for d, device in enumerate(connection.devices):
            what = say("unit", id=device.id, unit=device.unit, polling=_polling(device, say))
            yield (*where, "devices", d), what
    for b, broker in enumerate(settings.mqtt):
        where = ("mqtt", b)
        secure = say("mqtt.encrypted") if broker.tls else ""
        held = _held(broker, settings, say)
        yield where, say("mqtt", host=broker.host, port=broker.port, id=broker.id, secure=secure, held=held)
        for d, listened in enumerate(broker.devices):
            every = f"{listened.interval_s:g}"
            what = say("topic", id=listened.id, topic=listened.topic, format=listened.format, seconds=every)
            yield (*where, "devices", d), what
    for s, site in enumerate(settings.sites):
        for b, building in enumerate(site.buildings):
            place: Path = ("sites", s, "buildings", b)
            yield place, say("building", id=building.id, site=site.id)
            for m, meter in enumerate(building.meters):
                source = meter.formula or meter.device or say("meter.imported")
                what = say("meter", id=meter.id, carrier=meter.carrier, role=meter.balance_role, source=source)
                yield (*place, "meters", m), what
    if (sharing := settings.gateway.sharing) is not None:
        yield ("gateway", "sharing"), say("replica", replica=sharing.replica, seconds=f"{sharing.takeover_s:g}")
    web = settings.web
    yield ("web",), say("web", host=web.host, port=web.port, language=settings.language)


def _held(connection: ModbusSettings | MqttSettings, settings: Settings, say: Texts) -> str:
    """By which replica, where there are several."""
    if settings.gateway.sharing is None:
        return ""
    if isinstance(connection, MqttSettings) and connection.share:
        return say("held.shared", group=connection.share)
    if isinstance(connection, ModbusSettings) and connection.replica:
        return say("held.pinned", replica=connection.replica)
    return say("held.divided")


def _polling(device: ModbusDevice, say: Texts) -> str:
    template, seconds = device.device_type(), f"{device.interval_s:g}"
    if template.is_sunspec:
        return say("polling.sunspec", template=template.name, seconds=seconds)
    limits = template.limits
    blocks = plan(template.points, max_registers=limits.max_registers, max_hole=limits.max_hole)
    counted = {
        what: say(f"{what}.one") if number == 1 else say(f"{what}.many", n=number)
        for what, number in (("values", len(template.points)), ("requests", len(blocks)))
    }
    return say("polling", template=template.name, seconds=seconds, **counted)


def remarks(settings: Settings, say: Texts) -> Iterator[str]:
    """What is allowed but probably not meant."""
    metered = {meter.device for meter in settings.estate().meters.values()}
    for connection in settings.modbus:
        for device in connection.devices:
            template = device.device_type()
            registers = {point.quantity for point in template.points if "energy" in point.quantity}
            if registers and device.id not in metered:
                yield say("remark.unused", id=device.id, registers=", ".join(sorted(registers)))
    if not any(True for _ in settings.devices()):
        yield say("remark.empty")
