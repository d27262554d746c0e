"""Worked examples from logs, manuals and other projects' suites: every one must come out right."""

import json
from pathlib import Path
from typing import Any

import pytest

from collectors.modbus.vectors import compare

VECTORS = Path(__file__).parents[3] / ".." / "shared" / "data" / "vectors" / "dev_modbus.json"


@pytest.mark.skipif(not VECTORS.exists(), reason="the collection of worked examples (../shared/data) is not here")
def test_all_vectors() -> None:
    vectors = json.loads(VECTORS.read_text("utf-8"))["vectors"]
    outcomes = [compare(vector) for vector in vectors]
    assert [(outcome.id, outcome.differences) for outcome in outcomes if outcome.differences] == []
    assert len(outcomes) == len(vectors) > 0
    assert all(outcome.checks for outcome in outcomes)


POINT: dict[str, Any] = {
    "id": "p",
    "kind": "point",
    "device_key": "meter",
    "registers": [0xFFFE, 0xBE0D],
    "data_type": "i32",
    "word_order": "msw_first",
    "byte_order_in_word": "big",
    "scale": 0.1,
    "expected": -8241.9,
    "unit": "Wh",
    "canonical": {"value": -8.2419, "unit": "kWh"},
    "tolerance": 0,
}


def test_a_right_vector_has_no_difference() -> None:
    outcome = compare(POINT)
    assert (outcome.checks, outcome.differences) == (1, ())


@pytest.mark.parametrize(
    "change",
    [
        {"expected": -8242.0},
        {"expected": None},
        {"canonical": {"value": 8.2419, "unit": "kWh"}},
        {"canonical": {"value": -8.2419, "unit": "W"}},
        {"registers": [0xFFFE]},
        {"registers": [0x8000, 0]},
        {"data_type": "u32"},
        {"data_type": "f31"},
        {"kind": "telepathy"},
    ],
)
def test_a_wrong_vector_has_one(change: dict[str, Any]) -> None:
    outcome = compare({**POINT, **change})
    assert outcome.checks == len(outcome.differences) == 1


def test_parts_are_added() -> None:
    parts = [{"registers": [0, 12], "scale": 1}, {"registers": [7, 0xA120], "scale": 1e-6}]
    vector = {**POINT, "kind": "composite", "parts": parts, "data_type": "u32", "unit": "m3"}
    assert compare({**vector, "expected": 12.5, "canonical": {"value": 12.5, "unit": "m3"}}).differences == ()
