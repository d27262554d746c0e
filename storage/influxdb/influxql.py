"""InfluxQL statements, built from quoted parts. One statement a request: InfluxDB 3 takes no more."""

from collections.abc import Iterable, Mapping

from metering.instant import SECOND, Window

# Nanoseconds since 1970 that InfluxDB can tell: influxdata/influxdb, models/time.go.
_FIRST_NS, _LAST_NS = -9_223_372_036_854_775_806, 9_223_372_036_854_775_806
_IDENTIFIER_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})
_STRING_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", "'": r"\'"})


def identifier(name: str) -> str:
    """A measurement, tag or field by its name."""
    return f'"{name.translate(_IDENTIFIER_ESCAPES)}"'


def string(text: str) -> str:
    return f"'{text.translate(_STRING_ESCAPES)}'"


def call(function: str, field: str) -> str:
    """A function, by a name that is ours, of a field."""
    return f"{function}({identifier(field)})"


def within(window: Window) -> str:
    """A condition on the time; the window is cut to what InfluxDB can tell."""
    start, end = (min(max(us * 1000, _FIRST_NS), _LAST_NS) for us in (window.start_us, window.end_us))
    return f"time >= {start} AND time < {end}"


def is_one_of(tag: str, values: Iterable[str]) -> str:
    """A condition that the tag has one of the values, at least one being given."""
    return "(" + " OR ".join(f"{identifier(tag)} = {string(value)}" for value in values) + ")"


def matches(field: str, pattern: str) -> str:
    """A condition that a text field matches a pattern of ours; points without the field do not."""
    return f"{identifier(field)} =~ /{pattern}/"


def every(step_us: int) -> str:
    """A group for each step, aligned to 1970."""
    return f"time({step_us // SECOND}s)" if step_us % SECOND == 0 else f"time({step_us}u)"


def select(
    columns: Mapping[str, str], measurement: str, where: Iterable[str] = (), group_by: Iterable[str] = ()
) -> str:
    """A SELECT of expressions under their names; conditions are ANDed; groups without values are left out."""
    parts = ["SELECT", ", ".join(f"{expression} AS {identifier(name)}" for name, expression in columns.items())]
    parts += ["FROM", identifier(measurement)]
    if conditions := " AND ".join(where):
        parts += ["WHERE", conditions]
    if groups := ", ".join(group_by):
        parts += ["GROUP BY", groups]
    if "time(" in groups:
        parts.append("fill(none)")
    return " ".join(parts)


def select_all(measurement: str, where: Iterable[str] = ()) -> str:
    """A SELECT of every field and tag."""
    conditions = " AND ".join(where)
    return " ".join(["SELECT * FROM", identifier(measurement), *(["WHERE", conditions] if conditions else [])])


def delete(measurement: str, where: str) -> str:
    return " ".join(["DELETE FROM", identifier(measurement), "WHERE", where])
