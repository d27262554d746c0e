"""``leitwarte carbon``: emission factors, and what the meters' energy means in CO2."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from analytics.carbon.edition import Shelf
from analytics.carbon.emissions import DayFigure
from analytics.carbon.factors import FactorSet, names
from analytics.carbon.view import View
from analytics.carbon.view import names as view_names
from analytics.reports.collect import daily_figures
from analytics.reports.figure import FigureId
from analytics.reports.frozen import differences, digest, document, freeze
from analytics.reports.period import Period
from analytics.reports.report import Report
from analytics.reports.restate import restate as restated
from analytics.reports.trace import Trace
from analytics.reports.trace import trace as traced
from leitwarte.commands import carbon_feeds
from leitwarte.commands.carbon_print import print_restated, print_trace
from leitwarte.commands.common import (
    CONFIG,
    WRONG_CALL,
    ConfigOption,
    JsonOption,
    commands,
    errors,
    fail,
    output,
    print_json,
)
from leitwarte.commands.opening import opened_store, settings_file

app = commands("Emission factors, and CO2 per meter and day.")
app.command()(carbon_feeds.fetch)
app.command()(carbon_feeds.hourly)
app.command()(carbon_feeds.degree_days)


@app.command()
def factors(
    name: Annotated[str | None, typer.Argument(help="Edition or rule set; without it, all are listed.")] = None,
    json: JsonOption = False,
) -> None:
    """List the factor sets, or the factors of one with their sources."""
    all_of_them = Shelf(unverified=True)  # each is listed with where it was read
    if name is None:
        for known in names():
            output.print(f"{known}  {FactorSet.load(known, all_of_them).title['en']}", markup=False)
        return
    try:
        loaded = FactorSet.load(name, all_of_them)
    except LookupError as error:
        fail(error.args[0], WRONG_CALL)
    table = Table("carrier", "from", "before", "g/kWh", "gases", "boundary", "per", "status", "read", "source")
    for factor in loaded.factors:
        source = f"{factor.publisher}, {factor.document}, {factor.page}"
        row = (factor.carrier, str(factor.start), str(factor.end), str(factor.g_per_kwh), *factor.key[1:])
        if json:
            keys = ("carrier", "from", "before", "g_per_kwh", "gases", "boundary")
            rest = {
                "heat_basis": factor.heat_basis,
                "status": factor.status,
                "evidence": factor.evidence,
                "source": source,
                "url": factor.url,
            }
            print_json(
                {"id": factor.id, **dict(zip(keys, row, strict=True)), **rest, "source": source, "url": factor.url}
            )
        else:
            table.add_row(*row, factor.heat_basis, factor.status, factor.evidence, source)
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


@app.command()
def views() -> None:
    """List what a report can balance by."""
    for name in view_names():
        output.print(f"{name}  {View.load(name).title['en']}", markup=False)


@app.command()
def trace(
    figure: Annotated[str, typer.Argument(help="Id of a figure: view/period/measure/place/carrier/scope.")],
    config: ConfigOption = CONFIG,
) -> None:
    """Show what a figure stands on: smaller figures, quarter-hours, register readings, and the factor with its page."""
    settings = settings_file(config).settings
    try:
        asked = FigureId.parse(figure)
        rules = settings.rules()
    except (ValueError, LookupError) as error:
        fail(_words(error), WRONG_CALL)

    async def find() -> Trace:
        async with opened_store(settings) as store:
            try:
                return await traced(store, settings.estate(), asked, rules)
            except (LookupError, ValueError) as error:
                fail(_words(error), WRONG_CALL)

    print_trace(asyncio.run(find()), settings.calendar)


@app.command()
def publish(
    folder: Annotated[Path, typer.Argument(help="New folder for the frozen report.")],
    period: Annotated[str, typer.Option(help="2026, 2026-10 or 2026-10-05, local time.")],
    view: Annotated[str, typer.Option(help="What to balance by; carbon views lists them.")] = "UBA-16-2026",
    place: Annotated[str, typer.Option(help="city, site:…, building:…, sector:…")] = "city",
    config: ConfigOption = CONFIG,
) -> None:
    """Freeze a report with its manifest: report.json, unrounded, which `verify` makes again to the same bytes."""
    made = document(_report(config, period, view, place))
    try:
        folder.mkdir(parents=True)
        (folder / "report.json").write_bytes(made)
    except FileExistsError:
        fail(f"{folder} exists; what is published never changes: take a new folder")
    except OSError as error:
        fail(f"{folder}: {error.strerror}")
    output.print(f"{folder / 'report.json'}  SHA-256 {digest(made)}", markup=False)


@app.command()
def verify(
    folder: Annotated[Path, typer.Argument(help="Folder of a frozen report.")], config: ConfigOption = CONFIG
) -> None:
    """Make a frozen report again and compare it, byte by byte; what differs is named."""
    content, published = _published(folder)
    again = _report(config, str(published["period"]), str(published["view"]), str(published["place"]))
    if document(again) == content:
        output.print(f"the same {len(content)} bytes, SHA-256 {digest(content)}", markup=False)
        return
    manifest = published.get("manifest")
    named = differences(manifest, again.manifest) if isinstance(manifest, dict) and again.manifest else []
    fail("the report made now is another one\n" + "\n".join(named))


@app.command()
def restate(
    edition: Annotated[list[str], typer.Option(help="OLD=NEW, such as uba-16-2026=uba-13-2025; may be repeated.")],
    folder: Annotated[Path | None, typer.Argument(help="Folder of a frozen report.")] = None,
    period: Annotated[str | None, typer.Option(help="Instead of a folder: 2026, 2026-10 …")] = None,
    view: Annotated[str, typer.Option(help="What to balance by.")] = "UBA-16-2026",
    place: Annotated[str, typer.Option(help="city, site:…, building:…, sector:…")] = "city",
    config: ConfigOption = CONFIG,
) -> None:
    """Show what a report would say under other editions of the factors, and which factors make the difference."""
    content = None
    if folder is not None:
        content, published = _published(folder)
        period, view, place = (str(published[key]) for key in ("period", "view", "place"))
    if period is None:
        fail("name the folder of a frozen report, or a --period", WRONG_CALL)
    pairs = dict(_pair(text) for text in edition)
    before = _report(config, period, view, place)
    if content not in (None, document(before)):
        errors.print(f"what is stored now is not what {folder} was made of; `carbon verify` says what differs")
    now = _report(config, period, view, place, pairs)
    print_restated(restated(before, now))


def _pair(text: str) -> tuple[str, str]:
    old, _, new = text.partition("=")
    if not (old and new):
        fail(f"{text!r} is no OLD=NEW such as uba-16-2026=uba-13-2025", WRONG_CALL)
    return old, new


def _published(folder: Path) -> tuple[bytes, dict[str, object]]:
    try:
        content = (folder / "report.json").read_bytes()
        return content, dict(msgspec.json.decode(content))
    except (OSError, msgspec.DecodeError) as error:
        fail(f"{folder / 'report.json'} cannot be read: {error}", WRONG_CALL)


def _report(config: Path, period: str, view: str, place: str, editions: Mapping[str, str] | None = None) -> Report:
    settings = settings_file(config).settings
    try:
        rules = settings.rules()
        asked = Period.parse(period).until(settings.tomorrow())
        chosen = rules.view(view, editions)
    except (ValueError, LookupError) as error:
        fail(_words(error), WRONG_CALL)

    async def make() -> Report:
        async with opened_store(settings) as store:
            try:
                return await freeze(store, settings.estate(), asked, rules, chosen, place)
            except (LookupError, ValueError) as error:
                fail(_words(error), WRONG_CALL)

    return asyncio.run(make())


def _words(error: Exception) -> str:
    return str(error.args[0]) if error.args else str(error)


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
