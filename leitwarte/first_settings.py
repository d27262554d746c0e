"""The first settings file of an installation, made from a handful of answers, with remarks on how to go on."""

import json
import re
from dataclasses import dataclass
from typing import Literal

import yaml

from collectors.modbus.shelf import load_template
from leitwarte.proposal import slug

_SPELLED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss"})


@dataclass(frozen=True, slots=True)
class Influx:
    """An InfluxDB server; ``secret`` is the reference under which the settings find token or password."""

    url: str
    version: Literal[1, 2, 3]
    database: str
    owner: str
    """The organisation (2.x) or the user (1.x); empty for none."""
    secret: str


@dataclass(frozen=True, slots=True)
class Mqtt:
    """A broker; ``password`` is a reference, empty for no sign-in."""

    host: str
    port: int
    username: str = ""
    password: str = ""


@dataclass(frozen=True, slots=True)
class Modbus:
    """A first device."""

    host: str
    port: int
    unit: int
    template: str


@dataclass(frozen=True, slots=True)
class Answers:
    """What is asked of the one who sets up."""

    language: str
    city: str
    building: str
    influx: Influx | None = None
    mqtt: Mqtt | None = None
    modbus: Modbus | None = None


def settings_text(answers: Answers) -> str:
    """The settings file. Raises TemplateError for an unknown device type."""
    return "\n".join((_head(answers), _store(answers.influx), _modbus(answers), _mqtt(answers.mqtt), _sites(answers)))


def plain(text: str) -> str:
    """The text, fit to stand in the file. Raises ValueError for control characters and references."""
    if not text.isprintable() or "${" in text:
        raise ValueError("write plain text on one line")
    return text.strip()


def identifier(text: str) -> str:
    """The name as an id of the settings file."""
    return re.sub(r"-+", "-", slug(text.translate(_SPELLED))).lower()


def _head(answers: Answers) -> str:
    return f"""\
# Leitwarte. What each line will do:  leitwarte check      Start:  leitwarte run
# Is everything within reach:         leitwarte doctor     All keys: leitwarte check --schema
# Secrets do not belong in here: write ${{file:secrets/NAME}} or ${{env:NAME}}. Paths are relative to this file.
language: {answers.language} # of everything people see: de or en
timezone: Europe/Berlin
data_dir: leitwarte-data # outbox, alerts and the embedded database; back it up with `leitwarte backup`
"""


def _store(influx: Influx | None) -> str:
    remark = "# Days that readings are kept as they came are 90, then quarter-hours for ten years: store: retention:"
    if influx is None:
        return f"""\
{remark}
store: # a database file; opened by one process, so for leitwarte@gateway, @analytics and @web take influxdb
  kind: embedded
"""
    lines = [remark, "store:", "  kind: influxdb", f"  url: {_quoted(influx.url)}", f"  version: {influx.version}"]
    lines.append(f"  database: {_quoted(influx.database)}{' # the bucket' if influx.version == 2 else ''}")
    if influx.version == 1:
        if influx.owner:
            lines += [f"  username: {_quoted(influx.owner)}", f"  password: {_quoted(influx.secret)}"]
    else:
        lines += [f"  org: {_quoted(influx.owner)}"] if influx.version == 2 else []
        lines.append(f"  token: {_quoted(influx.secret)}")
    return "\n".join(lines) + "\n"


def _modbus(answers: Answers) -> str:
    modbus = answers.modbus
    if modbus is None:
        return """\
# Modbus devices. `leitwarte discover modbus HOST` finds them and prints the lines for here.
# modbus:
#   - id: main
#     host: 10.20.0.15
#     devices:
#       - { id: town-hall-main, building: town-hall, unit: 1, template: eastron/sdm630, interval_s: 10 }
"""
    return f"""\
# Modbus devices. `leitwarte discover modbus HOST` finds more and prints the lines for here.
modbus:
  - id: {_bus(answers)}
    host: {_quoted(modbus.host)}
    port: {modbus.port}
    devices:
      - id: {_device(answers)} # part of every stored series: choose it before the first start
        name: {_quoted(f"{answers.building}, Zähler" if answers.language == "de" else f"{answers.building}, meter")}
        building: {_quoted(identifier(answers.building))}
        unit: {modbus.unit}
        template: {modbus.template}
        interval_s: 10
"""


def _mqtt(mqtt: Mqtt | None) -> str:
    example = """\
    # devices:
    #   - { id: town-hall-main, building: town-hall, format: shelly_gen2, topic: shellypro3em-1, interval_s: 60 }
"""
    if mqtt is None:
        return f"""\
# MQTT brokers. `leitwarte discover mqtt HOST` listens, and prints the lines for here.
# mqtt:
#   - id: broker
#     host: 10.20.0.2
{example.replace("    #", "#    ")}"""
    sign_in = (
        f"    username: {_quoted(mqtt.username)}\n    password: {_quoted(mqtt.password)}\n" if mqtt.username else ""
    )
    return f"""\
# MQTT brokers. `leitwarte discover mqtt HOST` listens, and prints the devices for here.
mqtt:
  - id: broker
    host: {_quoted(mqtt.host)}
    port: {mqtt.port}
{sign_in}    # tls: {{}} # with port 8883: encrypted, checked against this system's certificates
{example}"""


def _sites(answers: Answers) -> str:
    text = f"""\
# Where the meters are. A building has metering points; each bills one register of one device.
sites:
  - id: {_quoted(identifier(answers.city))}
    name: {_quoted(answers.city)}
    buildings:
      - id: {_quoted(identifier(answers.building))}
        name: {_quoted(answers.building)}
        usage: other # school, office, pool …
        # floor_area_m2: 3200 # for figures per square metre
"""
    meter = _meter(answers)
    rest = """
# Where alerts go, as Apprise writes it; the address is a secret.
# analytics:
#   notify: ["${file:secrets/notify}"] # in the file: mailtos://user:password@mail.city.example?to=facility@city.example
#   tariffs: { electricity: 0.29, heat: 0.14, gas: 1.1, water: 4.6 } # EUR per kWh or m³, taxes included

web: # on this machine alone; docs/security.md says how to share it
  host: 127.0.0.1
  port: 8080

gateway:
  health: { host: 127.0.0.1, port: 9108 } # /health, /metrics
"""
    return text + meter + rest


def _meter(answers: Answers) -> str:
    """The metering point of the first device, if it counts electricity."""
    if answers.modbus is None:
        return """\
        # meters:
        #   - { id: town-hall-power, carrier: electricity, device: town-hall-main, register: active_energy_import }
"""
    shown = {point.quantity for point in load_template(answers.modbus.template).points}
    if "active_energy_import" not in shown:
        return f"        # meters: see what {answers.modbus.template} counts with `leitwarte discover modbus HOST`\n"
    power = "            power: active_power\n" if "active_power" in shown else ""
    return f"""\
        meters:
          - id: {_quoted(identifier(answers.building) + "-electricity")}
            carrier: electricity
            device: {_device(answers)}
            register: active_energy_import
{power}"""


def _bus(answers: Answers) -> str:
    return _quoted(f"{identifier(answers.building)}-bus")


def _device(answers: Answers) -> str:
    return _quoted(f"{identifier(answers.building)}-main")


def _quoted(text: str) -> str:
    """A YAML scalar that means exactly this text, in quotes where it needs them."""
    is_plain = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/-]*", text) and yaml.safe_load(text) == text
    return text if is_plain else json.dumps(text, ensure_ascii=False)
