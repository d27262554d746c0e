"""YAML with lines: whatever stands in a file is read, or refused with its line."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from metering import yaml_lines

_SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.dates() | st.text(max_size=9)
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
)


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
        ("a: 1\nb: *a", 2, "no anchor"),
        ("a: 1\nb: !secret x", 2, "tag"),
        ("a: 1\nb: !secret [x]", 2, "tag"),
        ("a: 1\n<<: 3", 2, "merged"),
        ("a: 1\n---\nb: 2", 2, "second document"),
    ],
)
def test_what_is_no_settings_value_is_refused_with_its_line(text: str, line: int, words: str) -> None:
    with pytest.raises(yaml_lines.YamlError, match=words) as caught:
        yaml_lines.load(text)
    assert caught.value.line == line


@given(_VALUES)
def test_values_are_those_that_pyyaml_reads(value: object) -> None:
    text = yaml.safe_dump(value)
    assert yaml_lines.load(text).value == yaml.safe_load(text)


@pytest.mark.parametrize(
    "text",
    [
        "a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}\ne: {c: 0, <<: [*x, {c: 9, z: 1}]}\nf: *x",
        "a: &k foo\n*k : 1",
        "a: !!str 5\nb: !!int '7'\nc: ! 5\nd: !!binary aGk=\ne: !!map {}\nf: '<<'",
        "2024-01-01: 0o17\n~: 0x1f\n1.5: yes\nlong: |\n  a\n  b\nfolded: >-\n  a\n  b\n",
        "---\n",
    ],
)
def test_anchors_merges_and_tags_mean_what_they_do_to_pyyaml(text: str) -> None:
    assert yaml_lines.load(text).value == yaml.safe_load(text)
