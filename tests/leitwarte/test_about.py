"""What Leitwarte says it is made of."""

import json
import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from typer.testing import CliRunner

from leitwarte.commands.about import app

ROOT = Path(__file__).parent.parent.parent


def test_the_bill_of_materials_is_whole() -> None:
    outcome = CliRunner().invoke(app, ["--sbom"])
    assert outcome.exit_code == 0, outcome.output
    bom = json.loads(outcome.stdout)
    assert (bom["bomFormat"], bom["specVersion"], bom["version"]) == ("CycloneDX", "1.5", 1)
    assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", bom["serialNumber"])
    assert bom["metadata"]["component"]["name"] == "leitwarte"
    assert bom["metadata"]["component"]["licenses"] == [{"expression": "EUPL-1.2"}]
    refs = [part["bom-ref"] for part in (bom["metadata"]["component"], *bom["components"])]
    assert len(refs) == len(set(refs))
    assert [entry["ref"] for entry in bom["dependencies"]] == refs
    for entry in bom["dependencies"]:
        assert set(entry["dependsOn"]) <= set(refs)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = {canonicalize_name(Requirement(text).name) for text in project["dependencies"]}
    assert wanted <= {part["name"] for part in bom["components"]}
    assert outcome.stdout == CliRunner().invoke(app, ["--sbom"]).stdout


def test_what_is_listed_is_locked_and_nothing_of_the_tests() -> None:
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    locked = {canonicalize_name(name) for name in re.findall(r"^([A-Za-z0-9._-]+)==", lock, re.MULTILINE)}
    parts = json.loads(CliRunner().invoke(app, ["--sbom"]).stdout)["components"]
    assert {part["name"] for part in parts} <= locked


def test_every_package_tells_a_licence() -> None:
    parts = json.loads(CliRunner().invoke(app, ["--sbom"]).stdout)["components"]
    silent = {part["name"] for part in parts if "licenses" not in part}
    assert silent <= {"verlib2"}  # its metadata are silent; its wheel holds the text of the licence
    listed = CliRunner().invoke(app, ["--licences"], env={"COLUMNS": "200"}).stdout
    assert listed.count("not told") == len(silent)
    assert re.search(r"pymodbus .* BSD-3-Clause", listed)
