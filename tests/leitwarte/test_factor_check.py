"""The check of the factors that settings name."""

from pathlib import Path

from analytics.carbon.edition import FOLDER
from leitwarte.factor_check import factor_problems
from leitwarte.settings_file import load

STORE = "store: {kind: embedded, path: store.duckdb}\n"


def told(folder: Path, text: str) -> list[tuple[int | None, str, str]]:
    file = folder / "leitwarte.yaml"
    file.write_text(STORE + text, "utf-8")
    return [(problem.line, problem.where, problem.message) for problem in factor_problems(load(file))]


def test_a_broken_and_a_missing_file_are_named_with_their_lines(tmp_path: Path) -> None:
    own = (FOLDER / "evo-2022.csv").read_text("utf-8")
    (tmp_path / "own.csv").write_text(own, "utf-8")
    (tmp_path / "bad.csv").write_text(own.replace(",121.1,", ",abc,"), "utf-8")
    found = told(tmp_path, "carbon:\n  factor_files:\n    - own.csv\n    - bad.csv\n    - none.csv\n")
    assert [(line, where) for line, where, _ in found] == [
        (5, "carbon.factor_files[1]"),
        (6, "carbon.factor_files[2]"),
    ]
    assert found[0][2].startswith("bad.csv, line 2: g_per_kwh is 'abc'")
    assert found[1][2].endswith("none.csv cannot be read: No such file or directory")


def test_choices_of_what_is_not_there_are_named(tmp_path: Path) -> None:
    choices = "carbon:\n  choices:\n    GEG:\n      heat: {edition: evo-2022}\n      electricity: {edition: owm}\n"
    ((line, where, message),) = told(tmp_path, choices)
    assert (line, where) == (6, "carbon.choices.GEG.electricity")
    assert message.startswith("unknown factor set 'owm'")


def test_what_is_in_order_is_passed(tmp_path: Path) -> None:
    assert told(tmp_path, "carbon: {factors: bisko-2024}\n") == []
