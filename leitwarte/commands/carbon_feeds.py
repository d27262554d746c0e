"""``leitwarte carbon fetch`` and ``hourly``: generation mixes from others, and hourly intensities made of them."""

import asyncio
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from analytics.carbon.factors import FactorSet
from analytics.carbon.hourly import Matched
from analytics.carbon.mix import intensity, read_mix
from analytics.reports.assemble import balanced
from analytics.reports.hourly import TECHNOLOGIES, matched_energy
from analytics.reports.period import Period
from collectors.feeds import energy_charts, entsoe, smard
from collectors.feeds.generation import Mix, encode
from collectors.feeds.requests import FeedError, Requests
from leitwarte.commands.common import CONFIG, WRONG_CALL, ConfigOption, fail, output
from leitwarte.commands.opening import opened_store, settings_file
from metering.estate import Carrier, Role
from metering.instant import Window
from metering.localtime import LocalCalendar


class SourceName(StrEnum):
    """Where generation mixes come from."""

    SMARD = "smard"
    ENERGY_CHARTS = "energy-charts"
    ENTSOE = "entsoe"


_Fetch = Callable[[Requests, str], "smard.Smard | energy_charts.EnergyCharts | entsoe.EntsoE"]
SOURCES: Mapping[SourceName, tuple[str, _Fetch]] = {
    SourceName.SMARD: (smard.URL, lambda requests, _: smard.Smard(requests)),
    SourceName.ENERGY_CHARTS: (energy_charts.URL, lambda requests, _: energy_charts.EnergyCharts(requests)),
    SourceName.ENTSOE: (entsoe.URL, entsoe.EntsoE),
}


def fetch(
    source: Annotated[SourceName, typer.Argument(help="Where to fetch from.")],
    out: Annotated[Path, typer.Argument(help="File to write, such as feeds/smard-2025.csv.")],
    period: Annotated[str, typer.Option(help="2026, 2026-10 or 2026-10-05, local time.")],
    token: Annotated[str, typer.Option(envvar="ENTSOE_TOKEN", help="For ENTSO-E.")] = "",
    url: Annotated[str | None, typer.Option(help="Another server that answers alike, such as a proxy.")] = None,
) -> None:
    """Fetch how Germany's electricity was generated, with licence and attribution."""
    try:
        window = Period.parse(period).window(LocalCalendar())
    except ValueError as error:
        fail(error, WRONG_CALL)
    base, make = SOURCES[source]

    async def run() -> Mix:
        async with Requests(source.value, url or base) as requests:
            return await make(requests, token).fetch(window)

    try:
        mix = asyncio.run(run())
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(encode(mix))
    except FeedError as error:
        fail(error)
    except OSError as error:
        fail(f"{out}: {error.strerror}")
    output.print(f"{out}: {len(mix.mwh)} intervals, {mix.attribution}, {mix.licence}", markup=False)


def hourly(
    mix: Annotated[Path, typer.Argument(help="A file that `fetch` wrote.")],
    period: Annotated[str, typer.Option(help="2025, 2025-10 or 2025-10-05, local time, within a year of the mix.")],
    place: Annotated[str, typer.Option(help="city, site:…, building:…, sector:…, meter:…")] = "city",
    view: Annotated[str, typer.Option(help="Whose annual factor the level is anchored to.")] = "UBA-16-2026",
    config: ConfigOption = CONFIG,
) -> None:
    """Purchased electricity by the intensity of each hour, beside the annual factor. A decision aid, no balance."""
    settings = settings_file(config).settings
    try:
        asked, generated = Period.parse(period), read_mix(mix)
        rules = settings.rules()
        scope = next(iter(rules.view(view).scopes_of("electricity")))
        annual = rules.view(view).scopes[scope].factor("electricity", asked.start)
        found = intensity(generated, FactorSet.load(TECHNOLOGIES, rules.shelf), float(annual.g_per_kwh))
        estate = settings.estate()
        chosen = [
            meter.id
            for meter in balanced(estate, place, rules)
            if meter.carrier is Carrier.ELECTRICITY and meter.role is Role.SUPPLY
        ]
    except (ValueError, LookupError, OSError) as error:
        fail(error.args[0] if error.args else error, WRONG_CALL)

    if not chosen:
        fail(f"nothing at {place} takes electricity from the network", WRONG_CALL)

    async def read(window: Window) -> Matched:
        async with opened_store(settings) as store:
            return await matched_energy(store, chosen, window, found)

    result = asyncio.run(read(asked.window(settings.calendar)))
    output.print(f"{result.kwh:,.1f} kWh; {result.share:.1%} of it in intervals whose intensity is known", markup=False)
    output.print(f"annual factor {found.annual:.1f} g/kWh: {result.annual_kg:,.1f} kg", markup=False)
    if result.anchored_kg is None:
        output.print(f"hourly, at the annual level: none, the mix is known for {found.of_year:.0%} of a year only")
    else:
        output.print(
            f"hourly, at the annual level: {result.anchored_kg:,.1f} kg ({result.anchored_g_per_kwh or 0:.1f} g/kWh)",
            markup=False,
        )
    output.print(
        f"hourly, as computed: {result.computed_kg:,.1f} kg ({result.computed_g_per_kwh or 0:.1f} g/kWh of what was "
        f"consumed; {found.mean:.1f} g/kWh of what was generated)",
        markup=False,
    )
    output.print(f"{annual.id}; {generated.source}, {generated.attribution}, {generated.licence}", markup=False)
