"""``leitwarte carbon fetch``, ``hourly`` and ``degree-days``: what others publish, and what is made of it."""

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Protocol

import numpy as np
import typer

from analytics.carbon.factors import FactorSet
from analytics.carbon.hourly import Matched
from analytics.carbon.mix import intensity, read_mix
from analytics.carbon.weather import degree_days as reckoned
from analytics.reports.assemble import balanced
from analytics.reports.hourly import TECHNOLOGIES, matched_energy
from analytics.reports.period import Period
from collectors.feeds import bright_sky, electricity_maps, energy_charts, entsoe, smard
from collectors.feeds.generation import Mix, encode
from collectors.feeds.requests import FeedError, Requests
from leitwarte.commands.common import CONFIG, WRONG_CALL, ConfigOption, fail, output
from leitwarte.commands.opening import opened_store, settings_file
from metering.estate import Carrier, Role
from metering.instant import SECOND, Window
from metering.localtime import LocalCalendar


class SourceName(StrEnum):
    """Where generation mixes come from."""

    SMARD = "smard"
    ENERGY_CHARTS = "energy-charts"
    ENTSOE = "entsoe"
    ELECTRICITY_MAPS = "electricity-maps"


class _Feed(Protocol):
    async def fetch(self, window: Window) -> Mix: ...


@dataclass(frozen=True, slots=True)
class _Source:
    """``variable`` is the one of the environment that a token may stand in; ``header`` carries it, if one does."""

    url: str
    make: Callable[[Requests, str], _Feed]
    variable: str = ""
    header: str = ""


SOURCES: Mapping[SourceName, _Source] = {
    SourceName.SMARD: _Source(smard.URL, lambda requests, _: smard.Smard(requests)),
    SourceName.ENERGY_CHARTS: _Source(energy_charts.URL, lambda requests, _: energy_charts.EnergyCharts(requests)),
    SourceName.ENTSOE: _Source(entsoe.URL, entsoe.EntsoE, "ENTSOE_TOKEN"),
    SourceName.ELECTRICITY_MAPS: _Source(
        electricity_maps.URL,
        lambda requests, _: electricity_maps.ElectricityMaps(requests),
        "ELECTRICITY_MAPS_TOKEN",
        electricity_maps.HEADER,
    ),
}


def fetch(
    source: Annotated[SourceName, typer.Argument(help="Where to fetch from.")],
    out: Annotated[Path, typer.Argument(help="File to write or to add to, such as feeds/smard-2025.csv.")],
    period: Annotated[str, typer.Option(help="2026, 2026-10 or 2026-10-05, local time.")],
    token: Annotated[
        str | None, typer.Option(help="Or in the environment: ENTSOE_TOKEN, ELECTRICITY_MAPS_TOKEN.")
    ] = None,
    url: Annotated[str | None, typer.Option(help="Another server that answers alike, such as a proxy.")] = None,
) -> None:
    """Fetch how Germany's electricity was generated, with licence and attribution.

    A file that is there keeps its other intervals. Electricity Maps tells the last 24 hours only: fetch daily.
    """
    try:
        window = Period.parse(period).window(LocalCalendar())
    except ValueError as error:
        fail(error, WRONG_CALL)
    chosen = SOURCES[source]
    secret = token if token is not None else os.environ.get(chosen.variable, "")
    headers = {chosen.header: secret} if chosen.header else {}

    async def run() -> Mix:
        async with Requests(source.value, url or chosen.url, headers=headers) as requests:
            return await chosen.make(requests, secret).fetch(window)

    try:
        mix = asyncio.run(run())
        out.parent.mkdir(parents=True, exist_ok=True)
        whole = _added(out, mix) if out.exists() else mix
        out.write_bytes(encode(whole))
    except (FeedError, ValueError) as error:
        fail(error)
    except OSError as error:
        fail(f"{out}: {error.strerror}")
    output.print(
        f"{out}: {len(mix.mwh)} intervals fetched, {len(whole.mwh)} in all, {mix.attribution}, {mix.licence}",
        markup=False,
    )


def _added(out: Path, mix: Mix) -> Mix:
    """The mix with what the file already has. Raises ValueError for a file that is none, or of another source."""
    old = read_mix(out)
    if (old.source, old.region, old.step_us) != (mix.source, mix.region, mix.step_s * SECOND):
        raise ValueError(f"{out} holds {old.source}, {old.region}, each {old.step_us // SECOND} s; name another file")
    before = {
        start_us: {mode: None if np.isnan(mwh[n]) else float(mwh[n]) for mode, mwh in old.mwh.items()}
        for n, start_us in enumerate(old.start_us.tolist())
    }
    return replace(mix, mwh=before | dict(mix.mwh))


def degree_days(
    years: Annotated[list[int], typer.Argument(help="Calendar years that are over, such as 2024 2025.")],
    latitude: Annotated[float, typer.Option(min=-90, max=90, help="Degrees north.")],
    longitude: Annotated[float, typer.Option(min=-180, max=180, help="Degrees east.")],
    url: Annotated[str, typer.Option(help="Another server that answers alike.")] = bright_sky.URL,
) -> None:
    """Degree days G20/15 of a place, from the stations of the Deutscher Wetterdienst, as the settings take them."""
    calendar = LocalCalendar()

    async def run() -> dict[date, float | None]:
        async with Requests("Bright Sky", url) as requests:
            feed = bright_sky.BrightSky(requests, latitude, longitude, calendar)
            parts = [await feed.daily_means(date(year, 1, 1), date(year + 1, 1, 1)) for year in years]
            return {day: mean for part in parts for day, mean in part.items()}

    try:
        means = asyncio.run(run())
    except FeedError as error:
        fail(error)
    sums = {}
    for year in years:
        days = {day: mean for day, mean in means.items() if day.year == year}
        missing = [day for day, mean in days.items() if mean is None]
        if missing:
            fail(f"{len(missing)} days of {year} lack hours, the first is {missing[0]}: without them there is no sum")
        known = (Decimal(repr(mean)) for mean in days.values() if mean is not None)
        sums[year] = round(reckoned(known), 1)
    output.print(
        f"carbon:\n  weather:\n    source: {latitude:g} N {longitude:g} E, {bright_sky.ATTRIBUTION}\n"
        f"    degree_days: {{{', '.join(f'{year}: {kd}' for year, kd in sums.items())}}}\n"
        "    reference:  # Kd of the normal year, of the same station",
        markup=False,
    )


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
