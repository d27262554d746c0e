"""``leitwarte restore``: an installation from a backup."""

from pathlib import Path
from typing import Annotated

import typer

from leitwarte.backup import BackupError, restore
from leitwarte.commands.common import CONFIG, ConfigOption, commands, fail, output
from leitwarte.progress import progress_bars
from leitwarte.settings_file import SettingsError
from storage.protocol import StoreError

app = commands()


@app.command(name="restore")
def restore_(
    file: Annotated[Path, typer.Argument(help="What leitwarte backup wrote.")],
    config: ConfigOption = CONFIG,
) -> None:
    """Write the settings to the path given by --config, and the rest where they say. Nothing is overwritten."""
    try:
        with progress_bars() as show:
            settings = restore(file, config, show)
    except StoreError as error:
        fail(f"store: {error}")
    except (BackupError, SettingsError, OSError) as error:
        fail(error)
    output.print(f"restored: settings {config}, data {settings.data_dir}", markup=False)
