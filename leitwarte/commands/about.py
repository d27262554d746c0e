"""``leitwarte about``: version, and what it is made of."""

import json as json_
import platform
import sys
from typing import Annotated

import typer
from rich.table import Table

from leitwarte.commands.common import WRONG_CALL, commands, fail, output
from leitwarte.components import bom, components

app = commands()


@app.command()
def about(
    licences: Annotated[bool, typer.Option("--licences", help="List all packages with their licences.")] = False,
    sbom: Annotated[bool, typer.Option("--sbom", help="Print a software bill of materials (CycloneDX 1.5).")] = False,
) -> None:
    """Version and licence of Leitwarte, and of all that it is made of here."""
    if licences and sbom:
        fail("give either --licences or --sbom", WRONG_CALL)
    parts = components()
    if sbom:
        sys.stdout.write(json_.dumps(bom(parts), indent=1, ensure_ascii=False) + "\n")
        return
    own = parts[0]
    output.print(f"Leitwarte {own.version}, {own.licence}; Python {platform.python_version()}", markup=False)
    if licences:
        table = Table("package", "version", "licence")
        for part in parts[1:]:
            table.add_row(part.name, part.version, part.licence or "not told")
        output.print(table)
    else:
        output.print(f"{len(parts) - 1} packages; --licences lists them, --sbom prints them for machines")
