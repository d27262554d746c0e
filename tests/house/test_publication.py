"""What other public bodies need to find and use this software: publiccode.yml, and the licence of every file."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from leitwarte.components import components

ROOT = Path(__file__).parent.parent.parent

_TEXT = {"type": "string", "minLength": 1}
_CATEGORIES = ("data-collection", "data-analytics", "data-visualization", "facility-management")
_DESCRIPTION = {
    "type": "object",
    "required": ["shortDescription", "longDescription", "features"],
    "properties": {
        "shortDescription": {"type": "string", "maxLength": 150},
        "longDescription": {"type": "string", "minLength": 150, "maxLength": 10_000},
        "features": {"type": "array", "items": _TEXT, "minItems": 5, "maxItems": 20},
    },
}
SCHEMA = {
    "type": "object",
    "required": [
        "publiccodeYmlVersion",
        "name",
        "url",
        "platforms",
        "developmentStatus",
        "softwareType",
        "description",
        "legal",
        "maintenance",
        "localisation",
    ],
    "properties": {
        "url": {"type": "string", "pattern": "^https://"},
        "categories": {"type": "array", "items": {"enum": list(_CATEGORIES)}},
        "releaseDate": {"type": "string", "format": "date"},
        "developmentStatus": {"enum": ["concept", "development", "beta", "stable", "obsolete"]},
        "softwareType": {"const": "standalone/web"},
        "description": {"type": "object", "required": ["de", "en"], "additionalProperties": _DESCRIPTION},
        "legal": {"type": "object", "properties": {"license": {"const": "EUPL-1.2"}}, "required": ["license"]},
        "maintenance": {
            "type": "object",
            "required": ["type", "contacts"],
            "properties": {"contacts": {"type": "array", "items": {"type": "object", "required": ["name"]}}},
        },
        "localisation": {"type": "object", "required": ["localisationReady", "availableLanguages"]},
    },
}
"""What the standard (publiccode.yml 0.7, schema.core) demands, with the choices that are ours."""


@pytest.fixture
def publiccode() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "publiccode.yml").read_text("utf-8"))
    return found


def test_publiccode_is_what_the_standard_demands(publiccode: dict[str, Any]) -> None:
    jsonschema.validate(publiccode, SCHEMA, format_checker=jsonschema.FormatChecker())
    assert publiccode["softwareVersion"] == components()[0].version


@pytest.mark.parametrize("key", ["url", "legal", "description"])
def test_publiccode_without_what_is_mandatory_would_be_refused(publiccode: dict[str, Any], key: str) -> None:
    del publiccode[key]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(publiccode, SCHEMA)


def test_the_licence_of_every_file_is_told(tmp_path: Path) -> None:
    """REUSE 3.3, on what is published: what git knows."""
    command = [Path(sys.executable).with_name("reuse"), "--root", ROOT, "lint", "--quiet"]
    outcome = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
