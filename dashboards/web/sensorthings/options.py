"""What a query asks for: OData's system query options, as far as they are offered."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from metering import instant

DEEPEST = 5
"""So many $expand may be inside each other."""
MOST = 1000
"""An answer holds no more entities than this, whatever $top says."""
USUAL = 100
"""How many it holds without $top."""
_MOST_CONDITIONS = 20
_OPERATORS = ("eq", "ne", "gt", "ge", "lt", "le")
_NAMES = {"$top", "$skip", "$count", "$select", "$orderby", "$filter", "$expand"}
_CONDITION = re.compile(
    rf"""\s*(?P<path>[@\w.]+(?:/[@\w.]+)*)\s+(?P<operator>{"|".join(_OPERATORS)})\s+
    (?P<literal>'(?:[^']|'')*'|[^\s'()]+)\s*""",
    re.VERBOSE,
)

Literal = str | float | bool | None


class WrongQuestion(ValueError):
    """The query is not what the standard allows."""


class NotOffered(ValueError):
    """The query is right by the standard, but this service does not do that."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A comparison of a property with a literal, such as ``properties/carrier eq 'heat'``."""

    path: tuple[str, ...]
    operator: str
    literal: Literal

    def holds(self, value: object) -> bool:
        """Whether it is true of the value. False for what cannot be compared, as for null in OData."""
        if self.operator in ("eq", "ne"):
            return (value == self.literal) == (self.operator == "eq")
        order = _order(value, self.literal)
        return (
            order is not None and {"gt": order > 0, "ge": order >= 0, "lt": order < 0, "le": order <= 0}[self.operator]
        )


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one set of entities. ``text`` is what was written, for links to the next page."""

    top: int = USUAL
    skip: int = 0
    count: bool = False
    select: tuple[str, ...] = ()
    order: tuple[tuple[tuple[str, ...], bool], ...] = ()  # path, whether descending
    conditions: tuple[Condition, ...] = ()
    expand: Mapping[str, "Options"] = field(default_factory=dict)
    text: Mapping[str, str] = field(default_factory=dict)


def read(given: Mapping[str, str], depth: int = 0) -> Options:
    """The options of a query. Raises WrongQuestion and NotOffered."""
    unknown = given.keys() - _NAMES
    if unknown:
        raise NotOffered(f"{min(unknown)} is not offered; known are {', '.join(sorted(_NAMES))}")
    return Options(
        top=min(_whole("$top", given.get("$top", str(USUAL))), MOST),
        skip=_whole("$skip", given.get("$skip", "0")),
        count=_flag("$count", given.get("$count", "false")),
        select=tuple(_names(given.get("$select", ""))),
        order=tuple(map(_order_by, _names(given.get("$orderby", "")))),
        conditions=tuple(_conditions(given.get("$filter", ""))),
        expand=_expand(given.get("$expand", ""), depth),
        text=dict(given),
    )


def _expand(text: str, depth: int) -> dict[str, Options]:
    if text and depth >= DEEPEST:
        raise NotOffered(f"$expand goes deeper than {DEEPEST}")
    found: dict[str, Options] = {}
    for part in _names(text):
        name, _, inner = part.partition("(")
        if inner and not inner.endswith(")"):
            raise WrongQuestion(f"$expand: {part!r} has no closing bracket at its end")
        options = dict(_option(each) for each in split(inner[:-1], ";") if each.strip())
        name, _, further = name.strip().partition("/")
        if further:  # A/B is short for A($expand=B)
            options = {"$expand": f"{further}({';'.join(f'{key}={value}' for key, value in options.items())})"}
        if name in found:
            raise NotOffered(f"$expand names {name} twice")
        found[name] = read(options, depth + 1)
    return found


def _option(text: str) -> tuple[str, str]:
    name, is_given, value = text.partition("=")
    if not is_given:
        raise WrongQuestion(f"{text.strip()!r} is no option such as $top=1")
    return name.strip(), value.strip()


def _conditions(text: str) -> Iterator[Condition]:
    at = 0
    for _ in range(_MOST_CONDITIONS):
        if not text[at:].strip():
            return
        found = _CONDITION.match(text, at)
        if found is None:
            raise NotOffered(f"$filter offers comparisons joined by 'and' only; not understood from {text[at:]!r} on")
        yield Condition(tuple(found["path"].split("/")), found["operator"], _literal(found["literal"]))
        at = found.end()
        if text[at:].strip():
            if not text.startswith("and ", at):
                raise NotOffered(f"$filter offers comparisons joined by 'and' only; not understood from {text[at:]!r}")
            at += len("and ")
    raise NotOffered(f"$filter has more than {_MOST_CONDITIONS} comparisons")


def _literal(text: str) -> Literal:
    if text.startswith("'"):
        return text[1:-1].replace("''", "'")
    if text in ("true", "false", "null"):
        return {"true": True, "false": False, "null": None}[text]
    if re.fullmatch(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", text):
        return float(text)
    try:
        return instant.isoformat(instant.parse(text))
    except ValueError:
        raise WrongQuestion(f"$filter: {text!r} is no text in quotes, number, or time with offset") from None


def _order(value: object, literal: Literal) -> int | None:
    """-1, 0 or 1; None if the two cannot be compared. Times are compared as instants."""
    if isinstance(value, bool) or isinstance(literal, bool):
        return None
    if isinstance(value, int | float) and isinstance(literal, float):
        return (value > literal) - (value < literal)
    if isinstance(value, str) and isinstance(literal, str):
        return (value > literal) - (value < literal)
    return None


def _order_by(text: str) -> tuple[tuple[str, ...], bool]:
    path, _, direction = text.partition(" ")
    if direction.strip() not in ("", "asc", "desc"):
        raise WrongQuestion(f"$orderby: {text!r} ends in neither asc nor desc")
    return tuple(path.split("/")), direction.strip() == "desc"


def _whole(name: str, text: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text):
        raise WrongQuestion(f"{name} must be a whole number, not {text!r}")
    return int(text)


def _flag(name: str, text: str) -> bool:
    if text not in ("true", "false"):
        raise WrongQuestion(f"{name} must be true or false, not {text!r}")
    return text == "true"


def _names(text: str) -> list[str]:
    return [part.strip() for part in split(text, ",") if part.strip()]


def split(text: str, separator: str) -> list[str]:
    """Split where the separator stands outside of brackets and quotes. Raises WrongQuestion for unbalanced ones."""
    parts, depth, quoted = [""], 0, False
    for sign in text:
        if sign == "'":
            quoted = not quoted
        elif not quoted:
            depth += (sign == "(") - (sign == ")")
            if depth < 0:
                break
        if sign == separator and not depth and not quoted:
            parts.append("")
        else:
            parts[-1] += sign
    if depth or quoted:
        raise WrongQuestion(f"brackets or quotes do not match in {text!r}")
    return parts


def sort(items: Iterable[object], options: Options, value: Callable[[object, tuple[str, ...]], object]) -> list[object]:
    """In the order that was asked for; what has no such property stands last."""
    ordered = list(items)
    for path, descending in reversed(options.order):
        with_value = [item for item in ordered if value(item, path) is not None]
        without = [item for item in ordered if value(item, path) is None]
        with_value.sort(key=lambda item, path=path: _key(value(item, path)), reverse=descending)  # type: ignore[misc]
        ordered = with_value + without
    return ordered


def _key(value: object) -> tuple[int, float, str]:
    return (0, float(value), "") if isinstance(value, int | float) else (1, 0.0, str(value))
