"""YAML that remembers on which line each value stands, so that an error can say where."""

from dataclasses import dataclass

import yaml
from yaml.constructor import SafeConstructor

Path = tuple[str | int, ...]
_PARSED = {f"tag:yaml.org,2002:{kind}": kind for kind in ("int", "float", "timestamp")}  # may look like one and be none
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml reads ten times as fast, where it is there


@dataclass(frozen=True, slots=True)
class Located:
    """A YAML document: its plain value, and the line (from 1) of every key path in it."""

    value: object
    lines: dict[Path, int]

    def line_of(self, path: Path) -> int | None:
        """The line of the path, or of the nearest ancestor that stands in the file.

        Steps that are not in the file, such as the name of a chosen alternative, are passed over.
        """
        found: Path = ()
        line = self.lines.get(found)
        for step in path:
            key = step if (*found, step) in self.lines else str(step)  # keys that are numbers are told as written
            if (*found, key) in self.lines:
                found = (*found, key)
                line = self.lines[found]
        return line


class YamlError(Exception):
    """The text is not YAML. ``line`` counts from 1, or is None where the parser names none."""

    def __init__(self, message: str, line: int | None) -> None:
        super().__init__(message)
        self.line = line


def load(text: str) -> Located:
    """Parse one YAML document of plain values. Raises YamlError for broken YAML and for a key that stands twice."""
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        if root is None:
            return Located({}, {(): 1})
        lines: dict[Path, int] = {}
        _walk(root, (), lines, ())
        return Located(loader.construct_document(root), lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlError(error.problem or "broken YAML", mark.line + 1 if mark else None) from None
    except yaml.YAMLError as error:
        raise YamlError(str(error), None) from None


def _walk(node: yaml.Node, path: Path, lines: dict[Path, int], around: tuple[yaml.Node, ...]) -> None:
    """Note the line of the node and of all in it; ``around`` are the nodes it stands in."""
    lines.setdefault(path, node.start_mark.line + 1)
    if node in around:
        raise YamlError("an alias stands for something that contains the alias itself", _line(node))
    around = (*around, node)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise YamlError("a list or mapping cannot be a key; a text with braces goes in quotes", _line(key))
            step = (*path, key.value)
            if step in lines:
                raise YamlError(f"the key {key.value!r} stands twice (first on line {lines[step]})", _line(key))
            lines[step] = _line(key)
            _walk(value, step, lines, around)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _walk(item, (*path, index), lines, around)
    elif node.tag in _PARSED:
        try:
            SafeConstructor().construct_object(node)
        except ValueError as error:
            raise YamlError(f"{node.value!r} is no {_PARSED[node.tag]}: {error}", _line(node)) from None


def _line(node: yaml.Node) -> int:
    line: int = node.start_mark.line + 1
    return line
