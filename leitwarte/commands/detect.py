"""``leitwarte detect``: anomalies in a file of interval series."""

import re
from pathlib import Path
from typing import Annotated

import typer

from analytics.anomaly.detect_file import DetectOptions, detect_file
from leitwarte.commands.common import JsonOption, commands, errors, fail, output, print_json
from leitwarte.commands.local_week import RegionOption, TimezoneOption, local_week
from leitwarte.progress import progress_bars
from metering.estate import Carrier
from metering.instant import DAY, HOUR, MINUTE

_UNITS = {"min": MINUTE, "h": HOUR, "d": DAY}


app = commands()


@app.command()
def detect(
    file: Annotated[Path, typer.Argument(help="CSV or Parquet: series_id,timestamp,value[,temperature]; .gz is read.")],
    out: Annotated[Path, typer.Option(help="CSV to write, gzipped if it ends in .gz.")],
    carrier: Annotated[Carrier | None, typer.Option(help="What the series measure, if all the same.")] = None,
    interval: Annotated[str | None, typer.Option(help="Such as 15min or 1h; found out if left out.")] = None,
    weather: Annotated[Path | None, typer.Option(help="CSV timestamp,temperature for series without one.")] = None,
    budget: Annotated[float, typer.Option(help="False alarms per series and month that are acceptable.")] = 0.25,
    model: Annotated[Path | None, typer.Option(help="Classifier made by leitwarte train.")] = None,
    timezone: TimezoneOption = "Europe/Berlin",
    region: RegionOption = "HE",
    json: JsonOption = False,
) -> None:
    """Score every interval: how unusual it is, whether to alert, of what kind, what was expected.

    Writes series_id,timestamp,score,is_alert,kind,expected,lower,upper. A score uses nothing later than its interval.
    """
    if budget <= 0:
        raise typer.BadParameter("the budget must be above 0", param_hint="--budget")
    options = DetectOptions(
        weather=weather,
        carrier=carrier,
        step_us=_step(interval),
        alarm_budget=budget,
        week=local_week(timezone, region),
        model=model,
    )
    try:
        with progress_bars(quiet=json) as show:
            found = detect_file(file, out, options, progress=lambda done, all_: show("series", done / all_))
    except (OSError, ValueError) as error:
        fail(error)
    for problem in found.errors:
        errors.print(problem, markup=False, style="yellow")
    facts = {"series": found.series, "rows": found.rows, "alert_rows": found.alert_rows, "problems": len(found.errors)}
    if json:
        print_json(facts)
    else:
        output.print(", ".join(f"{value} {key.replace('_', ' ')}" for key, value in facts.items()) + f" → {out}")


def _step(text: str | None) -> int | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d+)(min|h|d)", text)
    if match is None or int(match[1]) == 0:
        raise typer.BadParameter(f"{text!r} is no interval; write 15min, 1h or 1d", param_hint="--interval")
    return int(match[1]) * _UNITS[match[2]]
