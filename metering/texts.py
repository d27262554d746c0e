"""Texts for people, in German and English, from a ``texts.yaml`` beside the code that says them.

Each file maps a key to its ``de`` and ``en`` text; ``{name}`` is filled in. Numbers are written the language's way.
"""

from functools import cache
from importlib.resources import files
from typing import Literal, get_args

import yaml

Language = Literal["de", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)


class Texts:
    """The texts of one package in one language. Raises ValueError if a key lacks one of the languages."""

    def __init__(self, package: str, language: Language) -> None:
        self.language = language
        self._texts = _load(package)
        self._package = package

    def __call__(self, key: str, **values: object) -> str:
        """The text for ``key`` with ``{name}`` filled in. Raises LookupError for an unknown key."""
        try:
            text = self._texts[key][self.language]
        except KeyError:
            raise LookupError(f"{self._package}/texts.yaml has no text {key!r}") from None
        return text.format(**values) if values else text

    def number(self, value: float, digits: int = 1) -> str:
        return number(value, digits, self.language)


def number(value: float, digits: int, language: Language) -> str:
    """A number with thousands separators: 1.234,5 in German, 1,234.5 in English."""
    text = f"{value:,.{digits}f}"
    return text.translate(str.maketrans(",.", ".,")) if language == "de" else text


@cache
def _load(package: str) -> dict[str, dict[str, str]]:
    texts: dict[str, dict[str, str]] = yaml.safe_load(files(package).joinpath("texts.yaml").read_text("utf-8"))
    for key, versions in texts.items():
        missing = set(LANGUAGES) - set(versions)
        if missing:
            raise ValueError(f"{package}/texts.yaml: {key!r} has no {', '.join(sorted(missing))} text")
    return texts
