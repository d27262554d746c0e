"""A piece of a settings file with remarks in it: what a discovery proposes, ready to be pasted."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import yaml

_WIDTH = 116

Document = dict[str, object]


@dataclass(frozen=True)
class Item:
    """An entry of a list.

    value    what is written, in this order
    remarks  stand above it as comments
    lists    further keys with entries of their own; those without entries are left out
    is_off   the entry is itself a comment: something to choose instead, or to complete
    """

    value: Mapping[str, object]
    remarks: Sequence[str] = ()
    lists: Mapping[str, Sequence["Item"]] = field(default_factory=dict)
    is_off: bool = False


Sections = Mapping[str, Sequence[Item]]
"""Top-level key → its entries."""


def rendered(sections: Sections, head: Sequence[str] = ()) -> str:
    """The fragment as YAML, with ``head`` as comments before it."""
    lines = list(_comments(head, ""))
    for key, items in sections.items():
        if items:
            lines.append(f"{'' if _is_on(items) else '# '}{key}:")
            lines += [line for item in items for line in _item(item, "  ")]
    return "\n".join(lines) + "\n"


def document(sections: Sections) -> Document:
    """The fragment as plain values, without what is only a comment."""
    return {
        key: [_plain(item) for item in items if not item.is_off] for key, items in sections.items() if _is_on(items)
    }


def _item(item: Item, indent: str) -> Iterator[str]:
    yield from _comments(item.remarks, indent)
    lines = [line for key, value in item.value.items() for line in _written(key, value)]
    for key, items in item.lists.items():
        if items:
            lines.append(f"{'' if _is_on(items) else '# '}{key}:")
            lines += [line for inner in items for line in _item(inner, "  ")]
    for number, line in enumerate(lines):
        text = f"{indent}{'- ' if number == 0 else '  '}{line}"
        yield f"{indent}# {text[len(indent) :]}" if item.is_off else text


def _written(key: str, value: object) -> Sequence[str]:
    """One key; of what stands below it, the innermost each on a line of its own."""
    flow = None if isinstance(value, dict | list) else False
    return yaml.safe_dump(
        {key: value}, allow_unicode=True, sort_keys=False, width=_WIDTH, default_flow_style=flow
    ).splitlines()


def _comments(remarks: Sequence[str], indent: str) -> Iterator[str]:
    for remark in remarks:
        for line in textwrap.wrap(remark, _WIDTH - len(indent), break_long_words=False, subsequent_indent="  ") or [""]:
            yield f"{indent}# {line}".rstrip()


def _plain(item: Item) -> Document:
    lists = {key: [_plain(inner) for inner in items if not inner.is_off] for key, items in item.lists.items()}
    return {**item.value, **{key: entries for key, entries in lists.items() if entries}}


def _is_on(items: Sequence[Item]) -> bool:
    return any(not item.is_off for item in items)
