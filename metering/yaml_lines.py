"""YAML that knows on which line each value stands, so that an error can say where."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import yaml
from yaml.constructor import ConstructorError, SafeConstructor

Path = tuple[str | int, ...]
_TAG = "tag:yaml.org,2002:"
_PARSED = {f"{_TAG}{kind}": kind for kind in ("int", "float", "timestamp")}  # may look like one and be none
_PLAIN = {None, "!", f"{_TAG}map", f"{_TAG}seq"}  # tags of collections
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml reads ten times as fast, where it is there
_OPEN = object()


@dataclass(frozen=True)
class Located:
    """A YAML document: its plain value, and the text it stands in."""

    value: object
    text: str

    @cached_property
    def lines(self) -> Mapping[Path, int]:
        """The line (from 1) of every key path; found when it is first asked for, since most documents are in order."""
        found: dict[Path, int] = {}
        root = _Loader(self.text).get_single_node()
        if root is None:
            return {(): 1}
        _walk(root, (), found)
        return found

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
        return Located(_Document(text).value(), text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlError(error.problem or "broken YAML", mark.line + 1 if mark else None) from None
    except yaml.YAMLError as error:
        raise YamlError(str(error), None) from None


class _Document:
    """Makes values of what the parser comes to, one by one.

    PyYAML first makes a tree of nodes of all: 6 kB for a device with its few keys, which lay scattered among what
    stayed, so that the process kept most of it for ever.
    """

    def __init__(self, text: str) -> None:
        self._loader = _Loader(text)
        self._constructor = SafeConstructor()
        self._anchored: dict[str, object] = {}
        self._texts: dict[str, str] = {}  # what thousands of devices say alike is but once in memory

    def value(self) -> object:
        self._next()  # the stream's start
        if isinstance(self._next(), yaml.StreamEndEvent):
            return {}
        value = self._value(self._next())
        self._next()  # the document's end
        after = self._next()
        if not isinstance(after, yaml.StreamEndEvent):
            raise YamlError("a second document begins; a file holds one", _line(after))
        return value

    def _next(self) -> yaml.Event:
        event: yaml.Event = self._loader.get_event()
        return event

    def _value(self, event: yaml.Event) -> object:
        assert isinstance(event, yaml.NodeEvent)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event)
        else:
            assert isinstance(event, yaml.CollectionStartEvent)
            if event.tag not in _PLAIN:
                raise YamlError(f"the tag {event.tag!r} means nothing here", _line(event))
            if event.anchor:
                self._anchored[event.anchor] = _OPEN
            value = self._mapping() if isinstance(event, yaml.MappingStartEvent) else self._sequence()
        if event.anchor:
            self._anchored[event.anchor] = value
        return value

    def _sequence(self) -> list[object]:
        found = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            found.append(self._value(event))
        return found

    def _mapping(self) -> dict[object, object]:
        found: dict[object, object] = {}
        merged: dict[object, object] = {}
        lines: dict[str, int] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            if isinstance(event, yaml.CollectionStartEvent):
                raise YamlError("a list or mapping cannot be a key; a text with braces goes in quotes", _line(event))
            is_merge = isinstance(event, yaml.ScalarEvent) and self._tag(event) == f"{_TAG}merge"
            key = "<<" if is_merge else self._value(event)
            if isinstance(key, list | dict):
                raise YamlError("a list or mapping cannot be a key", _line(event))
            written = event.value if isinstance(event, yaml.ScalarEvent) else str(key)
            if written in lines:
                raise YamlError(f"the key {written!r} stands twice (first on line {lines[written]})", _line(event))
            lines[written] = _line(event)
            value = self._value(self._next())
            if is_merge:
                merged = _merged(value, _line(event))
            else:
                found[key] = value
        return {**merged, **found} if merged else found

    def _scalar(self, event: yaml.ScalarEvent) -> object:
        tag, text = self._tag(event), event.value
        if tag == f"{_TAG}str":
            return self._texts.setdefault(text, text)
        try:
            return self._constructor.construct_document(yaml.ScalarNode(tag, text))
        except ConstructorError:
            raise YamlError(f"the tag {tag!r} means nothing here", _line(event)) from None
        except ValueError as error:
            raise YamlError(f"{text!r} is no {_PARSED.get(tag, tag)}: {error}", _line(event)) from None

    def _tag(self, event: yaml.ScalarEvent) -> str:
        if event.tag not in {None, "!"}:
            return str(event.tag)
        tag: str = self._loader.resolve(yaml.ScalarNode, event.value, event.implicit)
        return tag

    def _alias(self, event: yaml.AliasEvent) -> object:
        if event.anchor not in self._anchored:
            raise YamlError(f"no anchor &{event.anchor} stands before this alias", _line(event))
        value = self._anchored[event.anchor]
        if value is _OPEN:
            raise YamlError("an alias stands for something that contains the alias itself", _line(event))
        return value


def _merged(value: object, line: int) -> dict[object, object]:
    """What a merge key brings in: a mapping, or several of which the first ones have precedence."""
    found: dict[object, object] = {}
    for one in reversed(value if isinstance(value, list) else [value]):
        if not isinstance(one, dict):
            raise YamlError("only mappings can be merged (<<)", line)
        found |= one
    return found


def _walk(node: yaml.Node, path: Path, lines: dict[Path, int]) -> None:
    """Note the line of the node and of all in it."""
    lines.setdefault(path, _line(node))
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            step = (*path, key.value)
            lines[step] = _line(key)
            _walk(value, step, lines)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _walk(item, (*path, index), lines)


def _line(place: yaml.Node | yaml.Event) -> int:
    assert place.start_mark is not None
    return place.start_mark.line + 1
