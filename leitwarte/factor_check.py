"""Whether the factors that the settings name are there: the files, the rule set, the choices of each view."""

from collections.abc import Iterator

from analytics.carbon.edition import EditionError, Shelf, read
from analytics.carbon.factors import FactorSet
from analytics.carbon.mix import read_mix
from analytics.carbon.view import View
from leitwarte.settings_file import Problem, SettingsFile
from metering.yaml_lines import Path

_SEE = "`leitwarte carbon factors` lists what there is"
_HOW = "docs/carbon.md and analytics/carbon/editions/README.md say how such a file is written"


def factor_problems(file: SettingsFile) -> Iterator[Problem]:
    """What is wrong with them, in the order of the settings; a broken file of factors is named with its own line."""
    carbon = file.settings.carbon
    broken = False
    for n, path in enumerate(carbon.factor_files):
        try:
            read(path)
            _ = Shelf(carbon.factor_files[: n + 1]).paths
        except EditionError as error:
            broken = True
            yield _problem(
                file, ("carbon", "factor_files", n), str(error), "analytics/carbon/editions/README.md says how"
            )
    for n, path in enumerate(carbon.mixes):
        try:
            read_mix(path)
        except (OSError, ValueError) as error:
            message = f"{path} cannot be read: {error.strerror}" if isinstance(error, OSError) else str(error)
            yield _problem(file, ("carbon", "mixes", n), message, "`leitwarte carbon fetch` writes such a file")
    if broken:
        return
    shelf = carbon.shelf()
    try:
        FactorSet.load(carbon.factors, shelf)
    except LookupError as error:
        yield _problem(file, ("carbon", "factors"), str(error.args[0]), _SEE)
    for view, choices in carbon.choices.items():
        for carrier, choice in choices.items():
            try:
                View.load(view, shelf, {carrier: choice})
            except (LookupError, ValueError) as error:
                yield _problem(file, ("carbon", "choices", view, carrier), str(error.args[0]), _SEE)


def _problem(file: SettingsFile, where: Path, message: str, remedy: str) -> Problem:
    line = next((file.lines[where[:n]] for n in range(len(where), 0, -1) if where[:n] in file.lines), None)
    dotted = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in where).removeprefix(".")
    return Problem(str(file.path), line, dotted, message, remedy)
