"""``leitwarte backup``: all of an installation in one file."""

from pathlib import Path
from typing import Annotated

import typer

from leitwarte.backup import BackupError, backup
from leitwarte.commands.common import CONFIG, ConfigOption, commands, fail, output
from leitwarte.commands.opening import settings_file
from leitwarte.progress import progress_bars
from storage.protocol import StoreError

app = commands()


@app.command(name="backup")
def backup_(
    file: Annotated[Path, typer.Argument(help="File to write: .tar, .tar.gz or .tar.zst.")],
    config: ConfigOption = CONFIG,
) -> None:
    """Save settings, store, alerts and outbox in one file with checksums. Files that settings refer to are not in it.

    Everything may go on meanwhile: a running Leitwarte copies its embedded store itself.
    """
    settings = settings_file(config)
    try:
        with progress_bars() as show:
            sizes = backup(settings, file, show)
    except StoreError as error:
        fail(f"store: {error}\nend whatever else uses the store first")
    except (BackupError, OSError) as error:
        fail(error)
    for name, size in sizes.items():
        output.print(f"{name:20} {size:>14,} bytes", markup=False)
    output.print(f"{file}: {file.stat().st_size:,} bytes", markup=False)
