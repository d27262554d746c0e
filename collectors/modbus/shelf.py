"""The shelf of device templates: every YAML file under collectors/templates, found by its id ``<maker>/<model>``.

A device type with the registers of another has no file, but stands in the other's ``also``.
"""

import difflib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from pydantic import ValidationError

import collectors
from collectors.modbus.template import Template
from metering import yaml_lines

SHELF = Path(collectors.__file__).parent / "templates"


class TemplateError(ValueError):
    """A template that is missing or wrong; the message names the file, and the line and field where one is to blame."""


def template_ids() -> list[str]:
    """The ids of all templates, sorted."""
    return sorted(path.relative_to(SHELF).with_suffix("").as_posix() for path in SHELF.glob("*/*.yaml"))


@cache
def also() -> Mapping[str, str]:
    """The other ids under which templates are found, and the template that each stands for."""
    return {other: template_id for template_id in template_ids() for other in load_template(template_id).also}


@cache
def load_template(template_id: str) -> Template:
    """The template of that id. Raises `TemplateError`, naming similar ids if there is none."""
    known = template_ids()
    if template_id in known:
        return read_template(SHELF / f"{template_id}.yaml", template_id)
    if template_id in also():
        return load_template(also()[template_id])
    names = sorted((*known, *also()))
    near = difflib.get_close_matches(template_id, names, n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(names)}"
    raise TemplateError(f"no device template {template_id!r}; {hint}")


def read_template(path: Path, template_id: str) -> Template:
    """The template in a file. Raises `TemplateError`."""
    text = path.read_text("utf-8")
    try:
        located = yaml_lines.load(text)
    except yaml_lines.YamlError as error:
        line = f":{error.line}" if error.line is not None else ""
        raise TemplateError(f"{path}{line}: no valid YAML: {error}") from None
    content = located.value
    if not isinstance(content, dict) or not content:
        raise TemplateError(f"{path}: holds no template; begin with name: and sources:")
    try:
        return Template.model_validate({"id": template_id, **content})
    except ValidationError as error:
        raise TemplateError("\n".join(_explain(path, located, error))) from None


def _explain(path: Path, located: yaml_lines.Located, error: ValidationError) -> list[str]:
    explained = []
    for problem in error.errors():
        where = problem["loc"]
        field = ".".join(map(str, where)) or "template"
        message = problem["msg"].removeprefix("Value error, ")
        explained.append(f"{path}:{located.line_of(where) or 1}: {field}: {message}")
    return explained
