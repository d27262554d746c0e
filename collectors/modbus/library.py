"""The shelf of device templates: every YAML file under collectors/templates, found by its id ``<maker>/<model>``."""

import difflib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import yaml
from pydantic import ValidationError

import collectors
from collectors.modbus.template import Template

SHELF = Path(collectors.__file__).parent / "templates"


class TemplateError(ValueError):
    """A template that is missing or wrong; the message names the file, and the line and field where one is to blame."""


def template_ids() -> list[str]:
    """The ids of all templates, sorted."""
    return sorted(path.relative_to(SHELF).with_suffix("").as_posix() for path in SHELF.glob("*/*.yaml"))


@cache
def load_template(template_id: str) -> Template:
    """The template of that id. Raises `TemplateError`, naming similar ids if there is none."""
    known = template_ids()
    if template_id not in known:
        near = difflib.get_close_matches(template_id, known, n=3, cutoff=0.4)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known)}"
        raise TemplateError(f"no device template {template_id!r}; {hint}")
    return read_template(SHELF / f"{template_id}.yaml", template_id)


def read_template(path: Path, template_id: str) -> Template:
    """The template in a file. Raises `TemplateError`."""
    text = path.read_text("utf-8")
    try:
        tree = yaml.compose(text, yaml.SafeLoader)
        content = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise TemplateError(f"{path}{line}: no valid YAML: {error.problem}") from None
    if not isinstance(content, dict):
        raise TemplateError(f"{path}: holds no template; begin with name: and sources:")
    try:
        return Template.model_validate({"id": template_id, **content})
    except ValidationError as error:
        raise TemplateError("\n".join(_explain(path, tree, error))) from None


def _explain(path: Path, tree: yaml.Node | None, error: ValidationError) -> list[str]:
    explained = []
    for problem in error.errors():
        where = problem["loc"]
        field = ".".join(map(str, where)) or "template"
        message = problem["msg"].removeprefix("Value error, ")
        explained.append(f"{path}:{_line(tree, where)}: {field}: {message}")
    return explained


def _line(node: yaml.Node | None, where: Sequence[int | str]) -> int:
    """The 1-based line of the innermost part of the path ``where`` that the file has."""
    line = 1
    for step in where:
        if isinstance(node, yaml.MappingNode):
            key, node = next(((key, value) for key, value in node.value if key.value == str(step)), (None, None))
            if key is None:
                break
            line = key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            break
    return line
