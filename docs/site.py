"""Builds the documents as a site in .cache/site: the README, docs/, and the guides beside the code.

They keep their places and so their links; nothing is written twice. Any web server can serve the result, also without
internet: python3 -m http.server -d .cache/site
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
CACHE = ROOT / ".cache"
PAGES = CACHE / "pages"


def documents() -> Iterator[Path]:
    """All Markdown files of the project."""
    for path in sorted(ROOT.rglob("*.md")):
        if not any(part.startswith(".") for part in path.relative_to(ROOT).parts):
            yield path


def linked(document: Path) -> Iterator[Path]:
    """The files that a document links to and that are no documents: pictures, examples."""
    for target in re.findall(r"\]\(([^)#\s]+)", document.read_text("utf-8")):
        path = document.parent / target
        if "://" not in target and path.is_file() and path.suffix != ".md":
            yield path.resolve()


def main() -> int:
    shutil.rmtree(PAGES, ignore_errors=True)
    for path in {file for document in documents() for file in (document, *linked(document))}:
        copy = PAGES / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    shutil.copyfile(ROOT / "docs" / "zensical.toml", CACHE / "zensical.toml")  # its folders must lie beside it
    command = [Path(sys.executable).with_name("zensical"), "build", "--clean", "--strict"]
    return subprocess.run(command, cwd=CACHE, check=False).returncode  # noqa: S603 -- nothing in it comes from elsewhere


if __name__ == "__main__":
    sys.exit(main())
