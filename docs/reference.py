"""Writes docs/reference from the code: settings, device types with their registers, quantities, command line, REST API.

python docs/reference.py           write
python docs/reference.py --check   only say what is not current; exit code 1 if anything is
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from collectors.modbus.point import Point
from collectors.modbus.shelf import load_template, template_ids
from dashboards.web.access.rights import SCOPES, needed
from dashboards.web.api import application
from leitwarte.cli import app, contents
from leitwarte.settings import Settings
from metering.quantities import QUANTITIES

FOLDER = Path(__file__).parent / "reference"
_HEAD = "<!-- written by docs/reference.py; change the code, not this file -->\n"


def pages() -> dict[str, str]:
    """File name → its text."""
    interface = application(has_reports=True).openapi()
    written = {
        "settings.md": settings(),
        "templates.md": templates(),
        "quantities.md": quantities(),
        "cli.md": cli(),
        "rest.md": rest(interface),
    }
    pages = {name: "\n".join((_HEAD, *lines)).rstrip() + "\n" for name, lines in written.items()}
    return {**pages, "openapi.json": json.dumps(interface, indent=1, ensure_ascii=False) + "\n"}


def settings() -> Iterator[str]:
    """Every key of the settings file."""
    schema = Settings.model_json_schema()
    definitions: dict[str, Any] = {
        name: entry for name, entry in sorted(schema["$defs"].items()) if "properties" in entry
    }
    yield "# Settings\n\nOne YAML file, `leitwarte.yaml`. `leitwarte check --schema` prints this for editors.\n"
    for title, entry in ({"The file": schema} | definitions).items():
        yield f"## {_short(title)}\n"
        if entry.get("description"):
            yield f"{entry['description']}\n"
        yield "| key | type | default | meaning |\n|---|---|---|---|"
        required = entry.get("required", ())
        for key, value in entry["properties"].items():
            default = "required" if key in required else _default(value.get("default"))
            yield f"| `{key}` | {_type(value)} | {default} | {_cell(value.get('description', ''))} |"
        yield ""


def templates() -> Iterator[str]:
    """Every device type, with what is read where."""
    yield "# Modbus device types\n\nAddresses are those on the wire, counted from 0.\n"
    for template_id in template_ids():
        template = load_template(template_id)
        yield f"## {template_id}\n\n{_cell(template.name)}.{_also(template.also)}\n"
        if template.notes:
            yield f"{template.notes.strip()}\n"
        if template.is_sunspec:
            yield "SunSpec: the models are found when connected; each gives what it has of:\n"
            yield "| model | quantities |\n|---|---|"
            for model in template.sunspec:
                names = ", ".join(sorted(register.quantity for register in model.registers))
                yield f"| {', '.join(map(str, model.models))} | {names} |"
        else:
            yield "| quantity | unit | function | address | type |\n|---|---|---|---|---|"
            for point in sorted(template.points, key=lambda point: (point.function, point.start)):
                yield _register(point)
        yield "\nSources: " + "; ".join(_cell(source) for source in template.sources) + "\n"


def quantities() -> Iterator[str]:
    """Every quantity a reading can be of."""
    yield "# Quantities\n\nStored in the unit given here. Values outside the range are rejected, with the reason.\n"
    yield "| quantity | unit | kind | OBIS | from | to |\n|---|---|---|---|---|---|"
    for quantity in QUANTITIES.values():
        obis = quantity.obis or ""
        bounds = f"{quantity.low:g} | {quantity.high:g}"
        yield f"| `{quantity.name}` | {quantity.unit} | {quantity.kind} | {obis} | {bounds} |"


def cli() -> Iterator[str]:
    """What --help says, of every command."""
    yield "# Command line\n\nExit codes: 0 done, 1 failed, 2 the call or the settings are wrong.\n"
    for path in ((), *((name,) for name in contents())):
        text = _help(*path)
        yield from _page(path, text)
        if path and " COMMAND " in text:
            listed = text.rpartition("─ Commands ")[2].splitlines()[1:]
            names = [line.split()[1] for line in listed if line.startswith("│ ") and line[2] != " "]
            for name in names:
                yield from _page((*path, name), _help(*path, name))


def rest(interface: Mapping[str, Any]) -> Iterator[str]:
    """Every address of the REST API, with what it asks for."""
    yield (
        "# REST API\n\nBelow `/api` of the web app; for machines as [OpenAPI](openapi.json), there at "
        "`/api/openapi.json`. Clients to copy: [partners](../partners.md).\n"
    )
    for path, methods in interface["paths"].items():
        for method, operation in methods.items():
            wanted = needed(method.upper(), f"/api{path}")
            scopes = [f"`{scope}`" for scope, permissions in SCOPES.items() if wanted in permissions]
            yield f"## {method.upper()} /api{path}\n"
            said = _cell(operation.get("description") or operation["summary"]).rstrip(".")
            yield f"{said}. Scope: {' or '.join(scopes)}.\n"
            if parameters := operation.get("parameters"):
                yield "| parameter | in | type | |\n|---|---|---|---|"
                yield from map(_parameter, parameters)
                yield ""


def _page(path: tuple[str, ...], text: str) -> Iterator[str]:
    yield f"## {' '.join(('leitwarte', *path))}\n\n```text\n{text}\n```\n"


def _help(*path: str) -> str:
    said = CliRunner().invoke(app, [*path, "--help"], env={"NO_COLOR": "1", "TERM": "dumb"}, prog_name="leitwarte")
    return "\n".join(line.rstrip() for line in said.stdout.strip().splitlines())


def _register(point: Point) -> str:
    parts = [f"{part.address}" for part in point.parts]
    kinds = dict.fromkeys(str(part.layout.type) for part in point.parts)
    function = {3: "3 (holding)", 4: "4 (input)"}[point.function]
    return f"| `{point.quantity}` | {point.unit} | {function} | {', '.join(parts)} | {', '.join(kinds)} |"


def _parameter(parameter: Mapping[str, Any]) -> str:
    schema = parameter["schema"]
    need = "required" if parameter["required"] else _default(schema.get("default"))
    notes = ". ".join(filter(None, (need, _cell(parameter.get("description", "")))))
    return f"| `{parameter['name']}` | {parameter['in']} | {_type(schema)} | {notes} |"


def _type(value: Mapping[str, Any]) -> str:
    if "$ref" in value:
        name = _short(value["$ref"].rsplit("/", 1)[1])
        return f"[{name}](#{name.lower().replace(' ', '-').replace(':', '')})" if name.endswith("Settings") else name
    for several in ("anyOf", "oneOf", "allOf"):
        if several in value:
            return " or ".join(dict.fromkeys(_type(option) for option in value[several]))
    if "const" in value or "enum" in value:
        return " \\| ".join(f"`{choice}`" for choice in value.get("enum", [value.get("const")]))
    if value.get("type") == "array":
        return f"list of {_type(value['items'])}" if "items" in value else "list"
    if value.get("format") == "password":
        return "secret"
    return {"object": "map", "null": "nothing"}.get(str(value.get("type", "")), str(value.get("type", "anything")))


def _default(value: object) -> str:
    if isinstance(value, dict):
        return "its own"
    return "" if value in (None, "", [], ()) else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _short(name: str) -> str:
    """``collectors__mqtt__settings__TlsSettings`` → ``mqtt: TlsSettings``."""
    *rooms, last = name.split("__")
    return f"{rooms[-2]}: {last}" if len(rooms) > 1 else name


def _also(others: tuple[str, ...]) -> str:
    return f" Also as {', '.join(others)}." if others else ""


def _cell(text: str) -> str:
    return " ".join(text.replace("``", "`").replace("|", "\\|").split())


def main() -> int:
    os.environ["TERMINAL_WIDTH"] = "100"  # read by typer when it first prints help
    current = {path.name: path.read_text("utf-8") for path in FOLDER.iterdir()}
    wanted = pages()
    differing = sorted(name for name in current.keys() | wanted.keys() if current.get(name) != wanted.get(name))
    if "--check" in sys.argv[1:]:
        sys.stdout.write(
            "".join(f"docs/reference/{name} is not current: python docs/reference.py\n" for name in differing)
        )
        return int(bool(differing))
    FOLDER.mkdir(exist_ok=True)
    for name, text in wanted.items():
        (FOLDER / name).write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
