"""``leitwarte train``: the anomaly classifier, learned from one's own meters."""

from pathlib import Path
from typing import Annotated

import typer

from analytics.anomaly.train_file import train_files
from leitwarte.commands.common import JsonOption, commands, errors, fail, output, print_json
from leitwarte.commands.local_week import RegionOption, TimezoneOption, local_week
from leitwarte.progress import progress_bars
from metering.estate import Carrier

app = commands()

_FILE = "CSV or Parquet: series_id,timestamp,value[,temperature]; a year of mostly sound {} meters."


@app.command()
def train(
    out: Annotated[Path, typer.Option(help="The classifier to write (.npz), for leitwarte detect --model.")],
    electricity: Annotated[Path | None, typer.Option(help=_FILE.format("electricity"))] = None,
    heat: Annotated[Path | None, typer.Option(help=_FILE.format("heat"))] = None,
    gas: Annotated[Path | None, typer.Option(help=_FILE.format("gas"))] = None,
    water: Annotated[Path | None, typer.Option(help=_FILE.format("water"))] = None,
    weather: Annotated[Path | None, typer.Option(help="CSV timestamp,temperature for series without one.")] = None,
    timezone: TimezoneOption = "Europe/Berlin",
    region: RegionOption = "HE",
    json: JsonOption = False,
) -> None:
    """Learn what faults look like from sound history: faults are put into it, so no labels are needed.

    At least four series of 120 days. Takes minutes.
    """
    given = {
        Carrier.ELECTRICITY: electricity,
        Carrier.HEAT: heat,
        Carrier.GAS: gas,
        Carrier.WATER: water,
    }
    sources = {carrier: path for carrier, path in given.items() if path is not None}
    if not sources:
        raise typer.BadParameter("name at least one file: --electricity, --heat, --gas or --water")
    target = out if out.suffix == ".npz" else out.with_name(f"{out.name}.npz")
    own = local_week(timezone, region)
    try:
        with progress_bars(quiet=json) as show:
            done = train_files(sources, target, own, weather=weather, progress=lambda share: show("learning", share))
    except (OSError, ValueError) as error:
        fail(error)
    for problem in done.errors:
        errors.print(problem, markup=False, style="yellow")
    facts = {"meters": done.meters, "problems": len(done.errors)}
    if json:
        print_json(facts)
    else:
        output.print(f"{done.meters} meters, {len(done.errors)} problems → {target}")
