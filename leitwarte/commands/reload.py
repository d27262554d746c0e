"""``leitwarte reload``: running processes go by a changed settings file."""

from collections.abc import Iterable

import typer

from leitwarte import control
from leitwarte.commands.common import CONFIG, FAILED, ConfigOption, JsonOption, commands, fail, output, print_json
from leitwarte.commands.opening import settings_file

app = commands()


@app.command()
def reload(config: ConfigOption = CONFIG, json: JsonOption = False) -> None:
    """Have all running parts read their settings file again; say what changed, or why nothing did.

    Connections that stay the same go on undisturbed. A file with any problem changes nothing.
    """
    folder = settings_file(config).settings.control
    refused = 0
    asked = 0
    for path, parts in control.running(folder):
        asked += 1
        try:
            answer = control.ask(path, "reload")
        except OSError as error:
            answer = {"refused": str(error)}
        refused += not answer.keys() >= {"applied", "needs_restart"}
        if json:
            print_json({"parts": parts, **answer})
        else:
            for line in _told(answer):
                output.print(f"{', '.join(parts)}: {line}", markup=False)
    if not asked:
        fail(f"nothing runs by these settings (nobody answers in {folder}); a change of data_dir needs a restart")
    if refused:
        raise typer.Exit(FAILED)


def _told(answer: control.Answer) -> Iterable[str]:
    if problem := answer.get("refused") or answer.get("error"):
        return [f"refused, and goes on as before:\n{problem}"]
    applied, restart = _lines(answer["applied"]), _lines(answer["needs_restart"])
    return [
        *(applied or ["nothing to change"]),
        *(f"{key} needs a restart; goes on with the old one" for key in restart),
    ]


def _lines(value: object) -> list[str]:
    assert isinstance(value, list)
    return [str(line) for line in value]
