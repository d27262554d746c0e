"""YAML with lines: whatever stands in a file is read, or refused with its line."""

import pytest

from metering import yaml_lines


def test_every_value_has_its_line() -> None:
    found = yaml_lines.load("a:\n  - 1\n  - b: 2\n5: x\n")
    assert found.value == {"a": [1, {"b": 2}], 5: "x"}
    assert [found.line_of(path) for path in (("a", 1, "b"), (5,), ("a", 1, "missing"))] == [3, 4, 3]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: ]", 2, "expected"),
        ("a: 1\na: 2", 2, "stands twice"),
        ("a: 1\nsince: 2024-13-45", 2, "is no timestamp"),
        ("a: 1\nsince: 2024-01-01 25:00:00", 2, "is no timestamp"),
        ("a: 1\nb: 0x_", 2, "is no int"),
        ("a: 1\nname: {{city}}", 2, "in quotes"),
        ("a: 1\n? [b]\n: 1", 2, "in quotes"),
        ("a: 1\nb: &b [*b]", 2, "itself"),
    ],
)
def test_what_is_no_settings_value_is_refused_with_its_line(text: str, line: int, words: str) -> None:
    with pytest.raises(yaml_lines.YamlError, match=words) as caught:
        yaml_lines.load(text)
    assert caught.value.line == line
