"""Reading the settings file. Whatever is wrong with it is said with file, line and remedy, all at once."""

import difflib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from leitwarte.references import loose_ends
from leitwarte.settings import Settings
from metering import yaml_lines

_Report = Callable[[yaml_lines.Path, str, str], None]
_SUBSTITUTION = re.compile(r"\$\{(env|file|credential):([^}]+)\}")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where (``line`` from 1, dotted key ``where``), what, and what to do about it."""

    file: str
    line: int | None
    where: str
    message: str
    remedy: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        where = f" {self.where}:" if self.where else ""
        remedy = f"\n    → {self.remedy}" if self.remedy else ""
        return f"{place}:{where} {self.message}{remedy}"


class SettingsError(Exception):
    """The settings cannot be used; ``problems`` holds every reason found."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """Valid settings and where each of them stands in the file."""

    path: Path
    settings: Settings
    located: yaml_lines.Located

    @property
    def lines(self) -> Mapping[yaml_lines.Path, int]:
        return self.located.lines


def load(path: Path) -> SettingsFile:
    """Read, substitute ``${env:NAME}``, ``${file:PATH}`` and ``${credential:NAME}``, validate. Raises SettingsError.

    Credentials are those that systemd hands over (``LoadCredential=``, https://systemd.io/CREDENTIALS/).
    """
    name = str(path)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SettingsError(
            [Problem(name, None, "", f"cannot be read: {reason}", "give the file with -c FILE")]
        ) from None
    try:
        located = yaml_lines.load(text)
    except yaml_lines.YamlError as error:
        remedy = "check the indentation and the colons around this line"
        raise SettingsError([Problem(name, error.line, "", f"not valid YAML: {error}", remedy)]) from None
    if not isinstance(located.value, dict) or not located.value:
        raise SettingsError([Problem(name, 1, "", "holds no settings", "start it with keys such as store: and sites:")])

    problems: list[Problem] = []

    def problem(where: yaml_lines.Path, message: str, remedy: str) -> None:
        problems.append(Problem(name, located.line_of(where), _dotted(where), message, remedy))

    value = _substitute(located.value, (), path.parent, problem)
    try:
        settings = Settings.model_validate(value)
    except ValidationError as error:
        schema = Settings.model_json_schema()
        for detail in error.errors():
            where = tuple(detail["loc"])
            message, remedy = _explain(detail, schema)
            problem(where, message, remedy)
        raise SettingsError(problems) from None
    for where, message, remedy in loose_ends(settings):
        problem(where, message, remedy)
    if problems:
        raise SettingsError(problems)
    return SettingsFile(path, settings.model_copy(update=_beside(settings, path.parent)), located)


def _beside(settings: Settings, folder: Path) -> dict[str, object]:
    """What has relative paths, with them taken from the folder."""
    return {"data_dir": folder / settings.data_dir, "carbon": settings.carbon.beside(folder)}


def _substitute(value: object, where: yaml_lines.Path, folder: Path, problem: _Report) -> object:
    if isinstance(value, dict):
        return {key: _substitute(item, (*where, key), folder, problem) for key, item in value.items()}
    if isinstance(value, list):
        return [_substitute(item, (*where, index), folder, problem) for index, item in enumerate(value)]
    if not isinstance(value, str):
        return value

    def replacement(match: re.Match[str]) -> str:
        source, name = match.groups()
        if source == "env":
            if name not in os.environ:
                problem(where, f"the environment has no variable {name}", f"set {name} before starting")
            return os.environ.get(name, "")
        if source == "credential" and "CREDENTIALS_DIRECTORY" not in os.environ:
            remedy = "name it in the unit (LoadCredential=); elsewhere set CREDENTIALS_DIRECTORY to the folder it is in"
            problem(where, f"there is no credential {name}: systemd has handed over none", remedy)
            return ""
        place = folder if source == "file" else Path(os.environ["CREDENTIALS_DIRECTORY"])
        try:
            return (place / name).read_text("utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "is not UTF-8 text"
            problem(where, f"the {source} {name} cannot be read: {reason}", "create it, readable for this user only")
            return ""

    return _SUBSTITUTION.sub(replacement, value)


def _explain(detail: ErrorDetails, schema: Mapping[str, Any]) -> tuple[str, str]:
    """A validation error as message and remedy."""
    where, kind = tuple(detail["loc"]), detail["type"]
    if kind == "extra_forbidden":
        known = sorted(_known_keys(schema, where[:-1]))
        near = difflib.get_close_matches(str(where[-1]), known, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
        return f"unknown key {where[-1]!r}", remedy
    if kind == "missing":
        return f"the key {where[-1]!r} is missing", "add it"
    message = detail["msg"].removeprefix("Value error, ")
    given = detail.get("input")
    if any(node.get("format") == "password" for node in _nodes(schema, where)):
        return f"{message[0].lower()}{message[1:]}", "a secret goes in quotes; better, write ${file:PATH}"
    shown = f" (here: {given!r})" if isinstance(given, str | int | float | bool) else ""
    return f"{message[0].lower()}{message[1:]}{shown}", ""


def _known_keys(schema: Mapping[str, Any], path: yaml_lines.Path) -> set[str]:
    """The keys that may stand at ``path``."""
    return {key for node in _nodes(schema, path) for key in node.get("properties", ())}


def _nodes(schema: Mapping[str, Any], path: yaml_lines.Path) -> list[Mapping[str, Any]]:
    """What the schema says of the value at ``path``, all alternatives."""

    def resolve(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        if "$ref" in node:
            yield from resolve(schema["$defs"][node["$ref"].rsplit("/", 1)[1]])
        for alternative in (*node.get("anyOf", ()), *node.get("oneOf", ()), *node.get("allOf", ())):
            yield from resolve(alternative)
        yield node

    nodes = list(resolve(schema))
    for step in path:
        following = []
        for node in nodes:
            if isinstance(step, int) and "items" in node:
                following += list(resolve(node["items"]))
            elif step in node.get("properties", ()):
                following += list(resolve(node["properties"][step]))
        nodes = following or nodes  # a step that names an alternative stands in no schema
    return nodes


def _dotted(where: yaml_lines.Path) -> str:
    text = ""
    for step in where:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text
