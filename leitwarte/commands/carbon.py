"""``leitwarte carbon``: emission factors, and what the meters' energy means in CO2."""

import asyncio
from typing import Annotated

import typer
from rich.table import Table

from analytics.carbon.emissions import DayFigure
from analytics.carbon.factors import FactorSet, names
from analytics.reports.collect import daily_figures
from analytics.reports.period import Period
from leitwarte.commands.common import CONFIG, WRONG_CALL, ConfigOption, JsonOption, commands, fail, output, print_json
from leitwarte.commands.opening import opened_store, settings_file

app = commands("Emission factors, and CO2 per meter and day.")


@app.command()
def factors(
    name: Annotated[str | None, typer.Argument(help="Edition or rule set; without it, all are listed.")] = None,
    json: JsonOption = False,
) -> None:
    """List the factor sets, or the factors of one with their sources."""
    if name is None:
        for known in names():
            output.print(f"{known}  {FactorSet.load(known).title['en']}", markup=False)
        return
    try:
        loaded = FactorSet.load(name)
    except LookupError as error:
        fail(error.args[0], WRONG_CALL)
    table = Table("carrier", "from", "before", "g/kWh", "gases", "boundary", "per", "status", "source")
    for factor in loaded.factors:
        source = f"{factor.publisher}, {factor.document}, {factor.page}"
        row = (factor.carrier, str(factor.start), str(factor.end), str(factor.g_per_kwh), *factor.key[1:])
        if json:
            keys = ("carrier", "from", "before", "g_per_kwh", "gases", "boundary")
            rest = {"heat_basis": factor.heat_basis, "status": factor.status, "source": source, "url": factor.url}
            print_json({"id": factor.id, **dict(zip(keys, row, strict=True)), **rest})
        else:
            table.add_row(*row, factor.heat_basis, factor.status, source)
    if not json:
        output.print(table)


@app.command()
def figures(
    period: Annotated[str, typer.Option(help="2026, 2026-10 or 2026-10-05, local time.")],
    meter: Annotated[list[str] | None, typer.Option(help="Only these meters.")] = None,
    config: ConfigOption = CONFIG,
) -> None:
    """CO2 per supply meter and local day, one JSON line each, with the factor it was computed with."""
    settings = settings_file(config).settings
    estate = settings.estate()
    unknown = set(meter or ()) - set(estate.meters)
    if unknown:
        fail(f"no such meter: {', '.join(sorted(unknown))}", WRONG_CALL)
    try:
        asked = Period.parse(period).until(settings.tomorrow())
    except ValueError as error:
        fail(error, WRONG_CALL)
    chosen = [m for m in estate.meters.values() if not meter or m.id in meter]

    async def show() -> None:
        async with opened_store(settings) as store:
            async for days in daily_figures(store, chosen, asked, settings.rules()):
                for figure in days:
                    print_json(_line(figure))

    asyncio.run(show())


def _line(figure: DayFigure) -> dict[str, object]:
    factor = figure.rate.factor
    return {
        "meter": figure.meter,
        "day": figure.day.isoformat(),
        "kwh": str(figure.kwh.total) if figure.kwh else None,
        "kg": str(figure.kg.total) if figure.kg else None,
        "kg_substituted": str(figure.kg.substituted) if figure.kg else None,
        "completeness": str(figure.coverage.completeness),
        "factor": factor.id if factor else None,
        "factor_variant": factor.variant if factor else None,
        "problem": figure.rate.problem,
    }
